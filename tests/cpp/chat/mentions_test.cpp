#include "chat/mentions.hpp"

#include <gtest/gtest.h>

namespace madang {
namespace {

Member named(std::uint64_t id, const std::string& username) {
    return {.user = {.id = UserId{id}, .username = username, .display_name = {}}, .stays = {{Seq{1}, Seq{}}}};
}

const std::vector<Member> kMembers{named(1, "anna"),   named(2, "Bob"), named(3, "bob.smith"),
                                   named(4, "김철수"), named(5, "x-"),  named(6, "Straße")};

std::vector<std::uint64_t> in(std::string_view text, bool may_name_all = false, const std::vector<Member>& members = kMembers) {
    MemberNames names;
    const auto found = find_mentions(text, names, members, may_name_all);
    std::vector<std::uint64_t> ids;
    for (const auto user : found.users) ids.push_back(user.value);
    if (found.all) ids.push_back(0);
    return ids;
}

using Ids = std::vector<std::uint64_t>;

TEST(Mentions, are_members_in_order_of_the_text_each_once) {
    EXPECT_EQ(in("@bob and @anna, @bob"), (Ids{2, 1}));
    EXPECT_EQ(in("no one"), Ids{});
    EXPECT_EQ(in("@nobody @"), Ids{});
}

TEST(Mentions, ignore_case_and_the_way_a_name_was_typed) {
    EXPECT_EQ(in("@BOB @ANNA"), (Ids{2, 1}));
    EXPECT_EQ(in("@STRASSE"), Ids{6});
    EXPECT_EQ(in("@\xe1\x84\x80\xe1\x85\xb5\xe1\x86\xb7철수"), Ids{4});  // 김 as three letters
}

TEST(Mentions, the_longest_name_counts) {
    EXPECT_EQ(in("@bob.smith"), Ids{3});
    EXPECT_EQ(in("@bob.smithy @bobby"), Ids{});
}

TEST(Mentions, trailing_dots_and_hyphens_are_dropped_until_a_member_matches) {
    EXPECT_EQ(in("Hi @bob."), Ids{2});
    EXPECT_EQ(in("@bob.smith...-"), Ids{3});
    EXPECT_EQ(in("@x-- @x-"), Ids{5});
    EXPECT_EQ(in("@x"), Ids{});
    EXPECT_EQ(in("@anna" + std::string(5'000, '.')), Ids{1});
}

TEST(Mentions, begin_after_the_start_or_a_character_that_is_no_part_of_a_word) {
    EXPECT_EQ(in("mail anna@bob"), Ids{});
    EXPECT_EQ(in("한@bob _@bob 1@bob"), Ids{});
    EXPECT_EQ(in("(@bob)"), Ids{2});
    EXPECT_EQ(in("@@anna"), Ids{1});
    EXPECT_EQ(in("\n@bob@anna"), Ids{2});
}

TEST(Mentions, all_counts_for_those_who_may) {
    EXPECT_EQ(in("@all @bob", true), (Ids{2, 0}));
    EXPECT_EQ(in("@ALL.", true), Ids{0});
    EXPECT_EQ(in("@all @bob", false), Ids{2});
    EXPECT_EQ(in("@allies", true), Ids{});
}

TEST(Mentions, those_who_left_are_not_named) {
    auto members = kMembers;
    members[1].stays.back().left = Seq{9};
    EXPECT_EQ(in("@bob @anna", false, members), Ids{1});
}

TEST(Mentions, a_hostile_text_costs_a_bounded_number_of_look_ups) {
    std::string text;
    for (std::size_t i = 0; i < kMentionsLookedUp; ++i) text += "@none ";
    EXPECT_EQ(in(text + "@anna"), Ids{});
    EXPECT_EQ(in(text.substr(6) + "@anna"), Ids{1});
    EXPECT_EQ(in(std::string(100'000, '@') + "anna"), Ids{1});
}

}  // namespace
}  // namespace madang
