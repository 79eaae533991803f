#include "server/administer.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "folder.hpp"
#include "net/token.hpp"
#include "server/requester.hpp"

namespace madang::server {
namespace {

using ::testing::SizeIs;

struct Shape {
    std::uint32_t engines;
    std::uint32_t io_threads;
    std::string commit;
};

class AdministerTest : public ::testing::TestWithParam<Shape> {
  protected:
    AdministerTest() {
        config_.server.data = data_.path();
        config_.server.engines = GetParam().engines;
        config_.server.io_threads = GetParam().io_threads;
        config_.store.commit = GetParam().commit;
    }
    // On the stopped server's store.
    Result<std::vector<Fields>> run(const std::string& command, const Fields& args = {}) {
        std::vector<Fields> rows;
        const auto done = administer(config_, {command, args}, [&](const Fields& row) { rows.push_back(row); });
        if (!done) return std::unexpected(done.error());
        return rows;
    }
    Code refusal(const std::string& command, const Fields& args = {}) {
        const auto rows = run(command, args);
        return rows ? Code::internal : rows.error().code;
    }

    const Folder data_;
    Config config_;
};

// What a token is good for, asked of the engines.
Result<Response> authenticate(Runtime& runtime, const std::string& text) {
    const auto token = net::parse_token(text);
    if (!token) return fail(Code::bad_request, "no token");
    return Requester{*runtime.loops().back()}.ask(
        Authenticate{.user = token->user, .device = token->device, .secret_hash = token->secret_hash()});
}

TEST_P(AdministerTest, added_user_is_listed_with_roles_and_state) {
    const auto added = run("user-add", {"Anna", "long password", "Anna A.", "operator,other"});
    ASSERT_TRUE(added) << added.error().detail;
    ASSERT_TRUE(run("user-add", {"bob"}));
    const auto rows = run("user-list");
    ASSERT_TRUE(rows) << rows.error().detail;
    ASSERT_THAT(*rows, SizeIs(2));
    const auto& anna = (*rows)[0][1] == "Anna" ? (*rows)[0] : (*rows)[1];
    EXPECT_EQ(anna[0], (*added)[0][0]);
    EXPECT_EQ(anna[2], "Anna A.");
    EXPECT_EQ(anna[4], "operator,other");
    EXPECT_EQ(anna[5], "active");
    EXPECT_THAT(anna[6], ::testing::MatchesRegex("20..-..-..T..:..:...*Z"));
}

TEST_P(AdministerTest, wrong_commands_and_arguments_are_refused) {
    EXPECT_EQ(refusal("dance"), Code::bad_request);
    EXPECT_EQ(refusal("user-add"), Code::bad_request);
    EXPECT_EQ(refusal("user-add", {"no spaces"}), Code::bad_request);
    EXPECT_EQ(refusal("user-add", {"anna", "short"}), Code::bad_request);
    ASSERT_TRUE(run("user-add", {"anna"}));
    EXPECT_EQ(refusal("user-add", {"ANNA"}), Code::username_taken);
    EXPECT_EQ(refusal("user-disable", {"nobody"}), Code::not_found);
    EXPECT_EQ(refusal("user-disable", {"anna", "maybe"}), Code::bad_request);
    EXPECT_EQ(refusal("token-mint", {"nobody"}), Code::not_found);
    EXPECT_EQ(refusal("seed", {"many"}), Code::bad_request);
    EXPECT_EQ(refusal("seed", {"0"}), Code::bad_request);
    EXPECT_EQ(refusal("seed", {"4", "1"}), Code::bad_request);
    EXPECT_EQ(refusal("seed", {"4", "101"}), Code::bad_request);
}

TEST_P(AdministerTest, minted_token_is_good_until_the_user_is_disabled) {
    ASSERT_TRUE(run("user-add", {"anna"}));
    const auto minted = run("token-mint", {"anna", "ci"});
    ASSERT_TRUE(minted) << minted.error().detail;
    const auto token = (*minted)[0][0];
    const auto is_good = [&] {
        Runtime runtime{config_, [] { return std::string{}; }, [](Outcome) {}};
        runtime.run();
        return authenticate(runtime, token).has_value();
    };
    EXPECT_TRUE(is_good());
    ASSERT_TRUE(run("user-disable", {"anna"}));
    EXPECT_FALSE(is_good());
    EXPECT_EQ(refusal("token-mint", {"anna"}), Code::forbidden);
    ASSERT_TRUE(run("user-disable", {"anna", "on"}));
    EXPECT_TRUE(run("token-mint", {"anna"}));
}

TEST_P(AdministerTest, seed_makes_users_pairs_and_groups) {
    const auto rows = run("seed", {"11", "5"});
    ASSERT_TRUE(rows) << rows.error().detail;
    ASSERT_THAT(*rows, SizeIs(11));
    std::set<std::string> users, directs, groups;
    for (const auto& row : *rows) {
        users.insert(row[1]);
        directs.insert(row[3]);
        groups.insert(row[4]);
    }
    EXPECT_THAT(users, SizeIs(11));
    EXPECT_THAT(directs, SizeIs(6)) << "five pairs, and one without";
    EXPECT_THAT(groups, SizeIs(3)) << "two groups, and one user left over";
    EXPECT_EQ((*rows)[0][3], (*rows)[1][3]);
    EXPECT_NE((*rows)[1][3], (*rows)[2][3]);
    EXPECT_EQ((*rows)[0][4], (*rows)[4][4]);
    EXPECT_NE((*rows)[4][4], (*rows)[5][4]);
    EXPECT_EQ((*rows)[10][3], "");
    EXPECT_EQ((*rows)[10][4], "");
    Runtime runtime{config_, [] { return std::string{}; }, [](Outcome) {}};
    runtime.run();
    for (const auto& row : *rows) EXPECT_TRUE(authenticate(runtime, row[2])) << row[0];
}

TEST_P(AdministerTest, seed_tells_how_far_it_is_when_asked) {
    const auto rows = run("seed", {"11", "5", "progress"});
    ASSERT_TRUE(rows) << rows.error().detail;
    ASSERT_THAT(*rows, SizeIs(4 + 11));
    const std::vector<Fields> told(rows->begin(), rows->begin() + 4);
    EXPECT_EQ(told, (std::vector<Fields>{{"11", "44"}, {"22", "44"}, {"33", "44"}, {"44", "44"}}));
    for (auto row = rows->begin() + 4; row != rows->end(); ++row) EXPECT_THAT(*row, SizeIs(5));
}

TEST_P(AdministerTest, seed_again_finds_the_same_people_and_conversations) {
    const auto first = run("seed", {"4", "2"});
    const auto second = run("seed", {"4", "2"});
    ASSERT_TRUE(first);
    ASSERT_TRUE(second) << second.error().detail;
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ((*first)[i][1], (*second)[i][1]);
        EXPECT_EQ((*first)[i][3], (*second)[i][3]);
        EXPECT_EQ((*first)[i][4], (*second)[i][4]);
        EXPECT_NE((*first)[i][2], (*second)[i][2]) << "a token is shown once";
    }
}

TEST_P(AdministerTest, folder_of_a_running_server_without_its_socket_is_refused) {
    Runtime runtime{config_, [] { return std::string{}; }, [](Outcome) {}};
    EXPECT_THROW((void)run("user-list"), StartError);
}

TEST_P(AdministerTest, what_a_stranger_left_in_the_folder_is_refused) {
    std::filesystem::create_directory(data_.path() + "/store");
    std::filesystem::create_directory(data_.path() + "/store/CURRENT");
    EXPECT_THROW((void)run("user-list"), StartError);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AdministerTest, ::testing::Values(Shape{1, 0, "inline"}, Shape{3, 5, "thread"}),
                         [](const auto& parameter) {
                             const auto& shape = parameter.param;
                             return std::to_string(shape.engines) + "_engines_" + std::to_string(shape.io_threads) + "_threads_" +
                                    shape.commit;
                         });

}  // namespace
}  // namespace madang::server
