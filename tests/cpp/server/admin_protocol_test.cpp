#include "server/admin_protocol.hpp"

#include <gtest/gtest.h>

namespace madang::server {
namespace {

TEST(AdminProtocol, a_line_gives_back_its_fields) {
    const Fields fields{"plain", "", "tab\there", "line\nend", "back\\slash\\t", "마당"};
    const auto line = admin_line("row", fields);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    auto expected = fields;
    expected.insert(expected.begin(), "row");
    EXPECT_EQ(admin_fields(line.substr(0, line.size() - 1)), expected);
}

TEST(AdminProtocol, an_empty_line_is_one_empty_field) { EXPECT_EQ(admin_fields(""), Fields{""}); }

TEST(AdminProtocol, a_lone_backslash_at_the_end_stands_for_itself) { EXPECT_EQ(admin_fields("a\\"), Fields{"a\\"}); }

TEST(AdminProtocol, a_missing_argument_is_empty) {
    const AdminCommand command{.name = "user-add", .args = {"anna"}};
    EXPECT_EQ(command.arg(0), "anna");
    EXPECT_EQ(command.arg(1), "");
}

}  // namespace
}  // namespace madang::server
