#include <vector>

#include <gtest/gtest.h>

#include "model/conversation.hpp"
#include "model/entry.hpp"

namespace madang::test {
namespace {

Member member_with(std::vector<Stay> stays) {
    Member member;
    member.stays = std::move(stays);
    return member;
}

// Joined at 3, left at 5, back at 9.
Member returned() { return member_with({{Seq{3}, Seq{5}}, {Seq{9}, Seq{0}}}); }

TEST(Member, is_addressed_by_the_entries_of_its_stays_both_ends_included) {
    const auto member = returned();
    std::vector<std::uint64_t> addressed;
    for (std::uint64_t seq = 1; seq <= 11; ++seq)
        if (member.addressed(Seq{seq})) addressed.push_back(seq);
    EXPECT_EQ(addressed, (std::vector<std::uint64_t>{3, 4, 5, 9, 10, 11}));
}

TEST(Member, knows_the_last_entry_addressed_to_it_before_another) {
    const auto member = returned();
    const std::vector<std::uint64_t> before{0, 0, 0, 3, 4, 5, 5, 5, 5, 9, 10};  // of the entries 1 to 11
    for (std::uint64_t seq = 1; seq <= 11; ++seq) EXPECT_EQ(member.addressed_before(Seq{seq}), Seq{before[seq - 1]}) << seq;
}

// The two say the same thing in two ways.
TEST(Member, addressed_before_is_the_greatest_addressed_below) {
    const std::vector<Member> members{returned(), member_with({{Seq{1}, Seq{0}}}), member_with({{Seq{1}, Seq{1}}}),
                                      member_with({{Seq{1}, Seq{2}}, {Seq{3}, Seq{4}}, {Seq{8}, Seq{8}}})};
    for (const auto& member : members)
        for (std::uint64_t seq = 1; seq <= 12; ++seq) {
            Seq greatest;
            for (std::uint64_t below = 1; below < seq; ++below)
                if (member.addressed(Seq{below})) greatest = Seq{below};
            EXPECT_EQ(member.addressed_before(Seq{seq}), greatest) << seq;
        }
}

TEST(Member, is_present_while_its_last_stay_has_no_end) {
    EXPECT_TRUE(returned().present());
    EXPECT_EQ(returned().joined_seq(), Seq{9});
    EXPECT_FALSE(member_with({{Seq{3}, Seq{5}}}).present());
}

TEST(Entry, compares_what_a_change_says_not_where_it_lies) {
    Entry one{ConversationId{1}, Seq{1}, EntryType::member_joined, Time{}, UserId{1}, {}, nullptr};
    Change change;
    change.conversation.title = "a";
    one.change = std::make_shared<const Change>(change);
    auto other = one;
    other.change = std::make_shared<const Change>(change);
    EXPECT_EQ(one, other);
    change.conversation.title = "b";
    other.change = std::make_shared<const Change>(change);
    EXPECT_FALSE(one == other);
    other.change = nullptr;
    EXPECT_FALSE(one == other);
}

TEST(Entry, is_a_message_or_a_revision_of_one_or_a_note_or_a_change) {
    Entry entry;
    std::string kinds;
    for (int type = 1; type <= 10; ++type) {
        entry.type = static_cast<EntryType>(type);
        kinds += entry.is_message() ? 'm' : entry.is_revision() ? 'r' : entry.is_note() ? 'n' : 'c';
    }
    EXPECT_EQ(kinds, "mcccccrrnn");
}

}  // namespace
}  // namespace madang::test
