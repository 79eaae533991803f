#include "server/config.hpp"

#include <filesystem>
#include <fstream>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/config_keys.hpp"

namespace madang::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConfigTest : public ::testing::Test {
  protected:
    LoadedConfig load(const std::string& toml, const Settings& environment = {}, const Settings& flags = {}) {
        std::ofstream{file_} << toml;
        return load_config({.file = file_, .environment = environment, .flags = flags});
    }
    // The text of the one error of this file.
    std::string error_of(const std::string& toml) {
        const auto loaded = load(toml);
        return loaded.errors.size() == 1 ? loaded.errors[0].text() : std::to_string(loaded.errors.size()) + " errors";
    }
    void TearDown() override { std::filesystem::remove(file_); }

    std::string file_ = ::testing::TempDir() + "madang-config-" + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
};

TEST_F(ConfigTest, defaults_are_good) {
    const auto loaded = load_config({});
    EXPECT_THAT(loaded.errors, IsEmpty());
    EXPECT_EQ(loaded.config.server.host, "127.0.0.1");
    EXPECT_EQ(loaded.config.limits.group_members, 100u);
}

TEST_F(ConfigTest, every_key_takes_its_own_default_from_a_file) {
    const auto loaded = load(document_config());
    EXPECT_THAT(loaded.errors, IsEmpty()) << loaded.errors.at(0).text();
    EXPECT_EQ(loaded.origins.size(), config_keys().size());
    EXPECT_EQ(load(show_config(loaded)).origins.size(), config_keys().size());
}

TEST_F(ConfigTest, every_default_is_within_its_range) {
    for (const auto& key : config_keys()) {
        Config config;
        EXPECT_TRUE(load("[" + std::string{key.section} + "]\n" + std::string{key.name} + " = " + value_text(key, config)).errors.empty())
            << key.full_name();
        EXPECT_FALSE(key.meaning.empty()) << key.full_name();
    }
}

TEST_F(ConfigTest, units_are_read) {
    const auto loaded = load(
        "[presence]\nheartbeat = '200ms'\noffline_after = \"2m\"\n[accounts]\ntoken_lifetime = \"90d\"\nsign_up = false\n"
        "[limits]\nframe_bytes = \"4MiB\"\nsend_queue_bytes = 65536\n[server]\norigins = [\"https://a.example\", \"https://b.example\"]\n");
    ASSERT_THAT(loaded.errors, IsEmpty()) << loaded.errors[0].text();
    EXPECT_EQ(loaded.config.limits.heartbeat, std::chrono::milliseconds{200});
    EXPECT_EQ(loaded.config.limits.offline_after, std::chrono::minutes{2});
    EXPECT_EQ(loaded.config.limits.token_lifetime, std::chrono::hours{24 * 90});
    EXPECT_EQ(loaded.config.limits.frame_bytes, 4u << 20);
    EXPECT_EQ(loaded.config.limits.send_queue_bytes, 65'536u);
    EXPECT_FALSE(loaded.config.accounts.sign_up);
    EXPECT_THAT(loaded.config.server.origins, ::testing::ElementsAre("https://a.example", "https://b.example"));
}

TEST_F(ConfigTest, flag_beats_environment_beats_file_beats_default) {
    const std::string file{"[server]\nport = 1\nengines = 2\nregion = \"file\"\n"};
    const auto loaded = load(file, {{"server.port", "2"}, {"server.engines", "3"}}, {{"server.port", "4"}});
    ASSERT_THAT(loaded.errors, IsEmpty()) << loaded.errors[0].text();
    EXPECT_EQ(loaded.config.server.port, 4);
    EXPECT_EQ(loaded.config.server.engines, 3u);
    EXPECT_EQ(loaded.config.server.region, "file");
    EXPECT_EQ(loaded.origins.at("server.port"), "flag");
    EXPECT_EQ(loaded.origins.at("server.engines"), "MADANG_SERVER__ENGINES");
    EXPECT_EQ(loaded.origins.at("server.region"), file_ + ":4");
    EXPECT_THAT(show_config(loaded), AllOf(HasSubstr("# MADANG_SERVER__ENGINES\n"), HasSubstr(file_ + ":4\n"), HasSubstr("# default\n")));
}

TEST_F(ConfigTest, environment_takes_only_names_with_a_section) {
    const char* const variables[] = {"MADANG_SERVER__PORT=81", "MADANG_URL=http://x", "PATH=/bin", "MADANG_STORE__COMMIT=thread", nullptr};
    EXPECT_EQ(environment_settings(variables), (Settings{{"server.port", "81"}, {"store.commit", "thread"}}));
}

TEST_F(ConfigTest, lists_and_booleans_are_read_from_text) {
    const auto loaded = load("", {{"server.origins", "https://a.example,https://b.example"}, {"accounts.sign_up", "false"}});
    ASSERT_THAT(loaded.errors, IsEmpty());
    EXPECT_THAT(loaded.config.server.origins, SizeIs(2));
    EXPECT_FALSE(loaded.config.accounts.sign_up);
}

TEST_F(ConfigTest, unknown_key_names_file_line_key_and_the_likely_word) {
    EXPECT_EQ(error_of("[server]\nport = 1\nprot = 2\n"), file_ + ":3: server.prot: unknown key (did you mean \"port\"?)");
    EXPECT_EQ(error_of("[sever]\nport = 1\n"), file_ + ":1: sever: unknown section (did you mean \"server\"?)");
    EXPECT_EQ(error_of("[limits]\nheartbeat = \"1s\"\n"),
              file_ + ":2: limits.heartbeat: unknown key (did you mean \"presence.heartbeat\"?)");
    EXPECT_EQ(error_of("[server]\nxyzzy_plugh = 1\n"), file_ + ":2: server.xyzzy_plugh: unknown key (`madang config doc` lists all keys)");
}

TEST_F(ConfigTest, wrong_types_name_file_line_key_and_what_fits) {
    EXPECT_THAT(error_of("[server]\n\nport = \"many\"\n"), AllOf(HasSubstr(":3: server.port: wrong type"), HasSubstr("0 to 65535")));
    EXPECT_THAT(error_of("[server]\ndrain = 5\n"), AllOf(HasSubstr(":2: server.drain: wrong type"), HasSubstr("\"30s\"")));
    EXPECT_THAT(error_of("[server]\ndrain = \"5 parsecs\"\n"), AllOf(HasSubstr("no value of this kind"), HasSubstr("\"200ms\"")));
    EXPECT_THAT(error_of("[limits]\npage_bytes = \"5 pages\"\n"), AllOf(HasSubstr(":2: limits.page_bytes"), HasSubstr("\"64MiB\"")));
    EXPECT_THAT(error_of("[server]\norigins = \"x\"\n"), HasSubstr("must be a list of texts"));
    EXPECT_THAT(error_of("[server]\norigins = [1]\n"), HasSubstr("every item must be a text"));
    EXPECT_THAT(error_of("[accounts]\nsign_up = 1\n"), HasSubstr("must be true or false"));
    EXPECT_THAT(error_of("[server]\nhost = 1.5\n"), HasSubstr("must be a text"));
    EXPECT_THAT(error_of("server = 1\n"), HasSubstr("[server]"));
}

TEST_F(ConfigTest, values_out_of_range_name_the_range) {
    EXPECT_EQ(error_of("[limits]\ngroup_members = 1001\n"), file_ + ":2: limits.group_members: out of range (must be from 2 to 1000)");
    EXPECT_THAT(error_of("[limits]\ngroup_members = -1\n"), HasSubstr("from 2 to 1000"));
    EXPECT_THAT(error_of("[server]\nport = 70000\n"), HasSubstr("0 to 65535"));
    EXPECT_THAT(error_of("[presence]\nheartbeat = \"1ms\"\n"), HasSubstr("from 100ms to 10m"));
    EXPECT_THAT(error_of("[store]\ncommit = \"later\"\n"), HasSubstr("must be \"inline\" or \"thread\""));
}

TEST_F(ConfigTest, values_that_contradict_each_other_are_refused) {
    EXPECT_THAT(error_of("[server]\nengines = 4\nio_threads = 2\n"), HasSubstr(":3: server.io_threads"));
    EXPECT_THAT(error_of("[server]\nengines = 4\nworker = 1021\n"), HasSubstr(":3: server.worker"));
    EXPECT_THAT(error_of("[presence]\nheartbeat = \"1m\"\n"), HasSubstr("presence.offline_after"));
    EXPECT_THAT(error_of("[limits]\ntext_chars = 1000000\n"), HasSubstr("limits.frame_bytes"));
    EXPECT_THAT(error_of("[server]\npublic_url = \"chat.example\"\n"), HasSubstr("http://"));
}

TEST_F(ConfigTest, plugins_are_read_in_order_with_settings_and_hooks) {
    const auto loaded = load(
        "[[plugins]]\nuse = \"a:A\"\nsettings = { words = [\"x\"], n = 3 }\nhooks.check = { timeout = \"1s\", on_error = \"allow\", mode = "
        "\"observe\" }\n\n[[plugins]]\nuse = \"b\"\nhooks.authenticate.timeout = \"50ms\"\n");
    ASSERT_THAT(loaded.errors, SizeIs(0));
    ASSERT_THAT(loaded.config.plugins, SizeIs(2));
    const auto& [a, b] = std::tie(loaded.config.plugins[0], loaded.config.plugins[1]);
    EXPECT_EQ(a.place, file_ + ":1");
    EXPECT_THAT(a.settings, HasSubstr("\"words\""));
    EXPECT_EQ(a.hooks.at("check").timeout, Millis{1'000});
    EXPECT_EQ(a.hooks.at("check").on_error, "allow");
    EXPECT_EQ(a.hooks.at("check").mode, "observe");
    EXPECT_EQ(b.use, "b");
    EXPECT_EQ(b.settings, "{}");
    EXPECT_EQ(b.hooks.at("authenticate").timeout, Millis{50});
}

TEST_F(ConfigTest, faults_of_plugins_name_line_key_and_a_hint) {
    EXPECT_THAT(error_of("[[plugins]]\nsettings = {}\n"), HasSubstr(":1: plugins.use: is missing"));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nsetings = {}\n"),
                HasSubstr(":3: plugins.setings: unknown key (did you mean \"settings\"?)"));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nhooks.chek = {}\n"), HasSubstr("did you mean \"check\"?"));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nhooks.check.timeout = 5\n"), HasSubstr("such as \"200ms\""));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nhooks.authenticate.on_error = \"allow\"\n"), HasSubstr("must be \"deny\""));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nisolation = \"thread\"\n"), HasSubstr("must be \"none\" or \"process\""));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nisolation = \"process\"\nmemory = \"1MiB\"\n"), HasSubstr("a size from"));
    EXPECT_THAT(error_of("[[plugins]]\nuse = \"a:A\"\nmemory = \"64MiB\"\n"), HasSubstr("needs isolation = \"process\""));
    EXPECT_THAT(error_of("plugins = 3\n"), HasSubstr("a list of tables: [[plugins]]"));
}

TEST_F(ConfigTest, what_is_no_toml_names_its_line) {
    EXPECT_THAT(error_of("[server]\nport = = 1\n"), HasSubstr(file_ + ":2: "));
    EXPECT_THAT(load_config({.file = "/nowhere/madang.toml", .environment = {}, .flags = {}}).errors, SizeIs(1));
}

TEST_F(ConfigTest, all_errors_are_gathered) {
    EXPECT_THAT(load("[server]\nprot = 1\nport = \"x\"\n[limits]\ngroup_members = 5000\n", {{"server.x", "1"}}, {{"y", "2"}}).errors,
                SizeIs(5));
}

TEST_F(ConfigTest, wrong_environment_and_flags_name_the_variable) {
    EXPECT_EQ(load("", {{"server.port", "x"}}).errors.at(0).place, "MADANG_SERVER__PORT");
    EXPECT_EQ(load("", {}, {{"server.port", "x"}}).errors.at(0).place, "flag");
    EXPECT_EQ(load("", {{"server.prot", "1"}}).errors.at(0).hint, "did you mean \"port\"?");
}

}  // namespace
}  // namespace madang::server
