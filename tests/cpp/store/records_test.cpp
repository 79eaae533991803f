#include "store/records.hpp"

#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "store/push_records.hpp"

namespace madang::test {
namespace {

// Records with every field at random, among them the values where a length or a sign changes.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t number() { return engine_() >> (engine_() % 64); }
    std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
    bool coin() { return engine_() & 1; }
    Time time() { return Time{Millis{static_cast<std::int64_t>(number()) * (coin() ? 1 : -1)}}; }
    std::string text(std::size_t size_max = 300) {
        std::string text(below(size_max + 1), '\0');
        for (auto& c : text) c = static_cast<char>(engine_());
        return text;
    }
    template <typename Id>
    Id id() {
        return Id{number()};
    }
    template <typename Enum>
    Enum one_of(std::uint64_t least, std::uint64_t greatest) {
        return static_cast<Enum>(least + below(greatest - least + 1));
    }

    Profile profile() { return {id<UserId>(), text(40), text(40), time()}; }
    Pair pair() { return {id<ConversationId>(), one_of<Pair::Stage>(0, 3), {coin(), coin()}, {coin(), coin()}, number()}; }
    Relation relation(UserId other) { return {other, number(), one_of<FriendState>(0, 3), coin(), coin()}; }
    RelationChange relation_change(UserId lower, UserId higher) {
        RelationChange change{{profile(), profile()}, {relation(higher), relation(lower)}, {coin(), coin()}, time()};
        change.people[0].id = lower;
        change.people[1].id = higher;
        return change;
    }
    Conversation conversation(ConversationId conversation) {
        return {conversation,
                one_of<ConversationKind>(0, 2),
                text(),
                id<UserId>(),
                time(),
                {one_of<HistoryAccess>(0, 1), one_of<InviteRight>(0, 1), one_of<MentionAllRight>(0, 1)},
                static_cast<std::uint32_t>(number())};
    }
    Member member() {
        Member member{profile(), one_of<Role>(0, 2), time(), {}};
        for (auto n = 1 + below(4); n > 0; --n) member.stays.push_back({id<Seq>(), id<Seq>()});
        return member;
    }
    Push push() {
        Push push{time(), time(), static_cast<std::uint32_t>(number()), {}, text()};
        for (auto n = below(4); n > 0; --n) push.done.push_back({text(20), id<DeviceId>()});
        return push;
    }
    DeadPush dead_push() { return {time(), time(), static_cast<std::uint32_t>(number()), one_of<DeadReason>(0, 1), text()}; }
    Invite invite() {
        Invite invite{{}, id<UserId>(), time(), time(), static_cast<std::uint32_t>(number()), static_cast<std::uint32_t>(number())};
        for (auto& byte : invite.secret) byte = static_cast<std::uint8_t>(engine_());
        return invite;
    }
    Mentions mentions() {
        Mentions mentions{{}, coin()};
        for (auto n = below(5); n > 0; --n) mentions.users.push_back(id<UserId>());
        return mentions;
    }
    Message message() {
        Message message{id<MessageId>(), id<UserId>(), text(64), text(2000), mentions(), {}, coin()};
        if (coin()) message.edited_at = time();
        if (coin()) message.revised = id<Seq>();
        return message;
    }
    Entry entry() {
        Entry entry;
        entry.conversation_id = id<ConversationId>();
        entry.seq = id<Seq>();
        entry.type = one_of<EntryType>(1, 8);
        entry.created_at = time();
        entry.actor = id<UserId>();
        if (entry.is_message()) {
            entry.message = message();
            return entry;
        }
        if (entry.seq && coin()) entry.message_before = Seq{number() % entry.seq.value};
        if (entry.is_revision()) {
            entry.revision = std::make_shared<const Revision>(Revision{id<Seq>(), id<UserId>(), mentions(), mentions(), {}, coin()});
            return entry;
        }
        Change change{conversation(entry.conversation_id), {}, {}};
        if (entry.type >= EntryType::member_joined && entry.type <= EntryType::member_updated) change.member = member();
        for (auto n = below(3); n > 0; --n) change.pair.push_back(profile());
        entry.change = std::make_shared<const Change>(std::move(change));
        return entry;
    }
    // A message or a revision that only its actor sees.
    Entry shadowed() {
        auto entry = this->entry();
        while (entry.change) entry = this->entry();
        Shadow shadow{id<Seq>(), {}, id<MessageId>()};
        for (auto n = below(4), user = below(9); n > 0; --n) shadow.others.emplace_back(UserId{user += 1 + below(9)}, id<Seq>());
        entry.shadow = std::make_shared<const Shadow>(std::move(shadow));
        return entry;
    }
    HeldMessage held(HeldId held) {
        HeldMessage message{held, id<ConversationId>(), id<UserId>(), text(40), text(64), text(2000), digest128(), text(), time(), {}, {}};
        message.state = one_of<HeldMessage::State>(0, 2);
        if (message.state == HeldMessage::State::released) message.seq = Seq{1 + below(1000)};
        return message;
    }
    InboxItem inbox_item() {
        InboxItem item{id<ConversationId>(), id<Seq>(), one_of<Role>(0, 2), one_of<EntryType>(1, 10), coin(), coin(), coin(), coin()};
        if (item.type == EntryType::message_edited || item.type == EntryType::message_deleted) item.target = id<Seq>();
        if (item.type < EntryType::read_updated) return item;
        item.created_at = time();
        Note note;
        if (item.type == EntryType::read_updated)
            note.unread = static_cast<std::uint32_t>(number()), note.unread_mentions = static_cast<std::uint32_t>(number());
        else
            note.user = profile(), note.state = one_of<FriendState>(0, 3);
        item.note = std::make_shared<const Note>(std::move(note));
        return item;
    }
    UserConversation user_conversation(ConversationId conversation) {
        return {conversation,
                id<Seq>(),
                id<Cursor>(),
                one_of<Role>(0, 2),
                coin(),
                coin(),
                id<Cursor>(),
                id<Seq>(),
                id<Seq>(),
                static_cast<std::uint32_t>(number()),
                static_cast<std::uint32_t>(number())};
    }
    Digest128 digest128() {
        Digest128 digest;
        for (auto& byte : digest) byte = static_cast<std::uint8_t>(engine_());
        return digest;
    }
    Digest256 digest256() {
        Digest256 digest;
        for (auto& byte : digest) byte = static_cast<std::uint8_t>(engine_());
        return digest;
    }

  private:
    std::mt19937_64 engine_;
};

template <typename Record>
std::string bytes_of(const Record& record) {
    std::string bytes;
    encode(record, bytes);
    return bytes;
}

// One kind of record: a random one's bytes, and the bytes after decoding and encoding again (empty = refused).
struct Kind {
    const char* name;
    std::function<std::string(Dice&)> encoded;
    std::function<std::string(std::string_view)> again;
};

template <typename Decoded>
std::string encoded_again(const Decoded& decoded) {
    if (!decoded) {
        EXPECT_EQ(decoded.error().code, Code::internal);
        EXPECT_TRUE(decoded.error().detail.starts_with("damaged record: ")) << decoded.error().detail;
        return {};
    }
    return bytes_of(*decoded);
}

template <>
std::string encoded_again(const Result<EntryPtr>& decoded) {
    return decoded ? bytes_of(**decoded) : std::string();
}

template <>
std::string encoded_again(const Result<std::uint64_t>& decoded) {
    std::string bytes;
    if (decoded) encode_id(*decoded, bytes);
    return bytes;
}

constexpr Seq kLast{~std::uint64_t{0}};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> kKinds{
        {"entry", [](Dice& d) { return bytes_of(d.entry()); },
         [](std::string_view b) { return encoded_again(decode_entry(ConversationId{1}, kLast, b)); }},
        {"send key", [](Dice& d) { return bytes_of(SendKey{d.id<Seq>(), d.digest128()}); },
         [](std::string_view b) { return encoded_again(decode_send_key(b)); }},
        {"shadowed entry", [](Dice& d) { return bytes_of(d.shadowed()); },
         [](std::string_view b) { return encoded_again(decode_entry(ConversationId{1}, kLast, b)); }},
        {"send key of a held message", [](Dice& d) { return bytes_of(SendKey{{}, d.digest128(), HeldId{1 + d.below(1000)}, d.text()}); },
         [](std::string_view b) { return encoded_again(decode_send_key(b)); }},
        {"held message", [](Dice& d) { return bytes_of(d.held(HeldId{1})); },
         [](std::string_view b) { return encoded_again(decode_held(HeldId{1}, b)); }},
        {"inbox item", [](Dice& d) { return bytes_of(d.inbox_item()); },
         [](std::string_view b) { return encoded_again(decode_inbox_item(b)); }},
        {"conversation of a user", [](Dice& d) { return bytes_of(d.user_conversation(ConversationId{1})); },
         [](std::string_view b) { return encoded_again(decode_user_conversation(ConversationId{1}, b)); }},
        {"conversation", [](Dice& d) { return bytes_of(d.conversation(ConversationId{1})); },
         [](std::string_view b) { return encoded_again(decode_conversation(ConversationId{1}, b)); }},
        {"member", [](Dice& d) { return bytes_of(d.member()); },
         [](std::string_view b) { return encoded_again(decode_member(UserId{1}, b)); }},
        {"ban", [](Dice& d) { return bytes_of(Ban{d.profile(), d.id<UserId>(), d.time()}); },
         [](std::string_view b) { return encoded_again(decode_ban(UserId{1}, b)); }},
        {"invite", [](Dice& d) { return bytes_of(d.invite()); },
         [](std::string_view b) { return encoded_again(decode_invite(InviteSecret{}, b)); }},
        {"account",
         [](Dice& d) {
             Account account{d.profile(), d.text(), d.text(), d.text(20), {}, d.coin(), d.time()};
             for (auto n = d.below(4); n > 0; --n) account.roles.push_back(d.text(20));
             return bytes_of(account);
         },
         [](std::string_view b) { return encoded_again(decode_account(UserId{1}, b)); }},
        {"push", [](Dice& d) { return bytes_of(d.push()); }, [](std::string_view b) { return encoded_again(decode_push(b)); }},
        {"dead push", [](Dice& d) { return bytes_of(d.dead_push()); },
         [](std::string_view b) { return encoded_again(decode_dead_push(b)); }},
        {"registered device",
         [](Dice& d) {
             Device device{{}, d.text(60), d.text(20), d.digest256(), d.time(), d.time(), d.time(), d.id<Cursor>()};
             device.push = {"p" + d.text(20), d.text(60)};
             return bytes_of(device);
         },
         [](std::string_view b) { return encoded_again(decode_device(DeviceId{1}, b)); }},
        {"device",
         [](Dice& d) { return bytes_of(Device{{}, d.text(60), d.text(20), d.digest256(), d.time(), d.time(), d.time(), d.id<Cursor>()}); },
         [](std::string_view b) { return encoded_again(decode_device(DeviceId{1}, b)); }},
        {"preference", [](Dice& d) { return bytes_of(Preference{d.coin(), d.coin(), d.time(), d.id<Seq>()}); },
         [](std::string_view b) { return encoded_again(decode_preference(b)); }},
        {"receipt",
         [](Dice& d) {
             Receipt receipt;
             receipt.merge({d.id<Seq>(), d.id<Seq>()});
             return bytes_of(receipt);
         },
         [](std::string_view b) { return encoded_again(decode_receipt(b)); }},
        {"pair", [](Dice& d) { return bytes_of(d.pair()); }, [](std::string_view b) { return encoded_again(decode_pair(b)); }},
        {"relation", [](Dice& d) { return bytes_of(d.relation(UserId{1})); },
         [](std::string_view b) { return encoded_again(decode_relation(UserId{1}, b)); }},
        {"change of a pair", [](Dice& d) { return bytes_of(d.relation_change(UserId{1}, UserId{2})); },
         [](std::string_view b) { return encoded_again(decode_relation_change(UserId{1}, UserId{2}, b)); }},
        {"id",
         [](Dice& d) {
             std::string bytes;
             encode_id(d.number(), bytes);
             return bytes;
         },
         [](std::string_view b) { return encoded_again(decode_id(b)); }},
    };
    return kKinds;
}

TEST(Records, every_kind_comes_back_as_it_went) {
    for (const auto& kind : kinds()) {
        Dice dice(1);
        for (int i = 0; i < 2000; ++i) {
            const auto bytes = kind.encoded(dice);
            ASSERT_EQ(kind.again(bytes), bytes) << kind.name;
        }
    }
}

// The above would not see a field that neither side knows of.
TEST(Records, an_entry_is_equal_to_what_was_stored) {
    Dice dice(2);
    for (int i = 0; i < 5000; ++i) {
        const auto entry = dice.coin() ? dice.entry() : dice.shadowed();
        const auto decoded = decode_entry(entry.conversation_id, entry.seq, bytes_of(entry));
        ASSERT_TRUE(decoded) << decoded.error().detail;
        ASSERT_TRUE(**decoded == entry);
    }
}

TEST(Records, every_other_kind_is_equal_to_what_was_stored) {
    Dice dice(3);
    for (int i = 0; i < 1000; ++i) {
        const SendKey key{dice.id<Seq>(), dice.digest128()};
        ASSERT_EQ(decode_send_key(bytes_of(key)), key);
        const SendKey held_key{{}, dice.digest128(), HeldId{1 + dice.below(1000)}, dice.text()};
        ASSERT_EQ(decode_send_key(bytes_of(held_key)), held_key);
        const auto held = dice.held(dice.id<HeldId>());
        ASSERT_EQ(decode_held(held.id, bytes_of(held)), held);
        const auto item = dice.inbox_item();
        ASSERT_EQ(decode_inbox_item(bytes_of(item)), item);
        const auto row = dice.user_conversation(dice.id<ConversationId>());
        ASSERT_EQ(decode_user_conversation(row.conversation_id, bytes_of(row)), row);
        const auto conversation = dice.conversation(dice.id<ConversationId>());
        ASSERT_EQ(decode_conversation(conversation.id, bytes_of(conversation)), conversation);
        const auto member = dice.member();
        ASSERT_EQ(decode_member(member.user.id, bytes_of(member)), member);
        const Ban ban{dice.profile(), dice.id<UserId>(), dice.time()};
        ASSERT_EQ(decode_ban(ban.user.id, bytes_of(ban)), ban);
        const auto invite = dice.invite();
        ASSERT_EQ(decode_invite(invite.secret, bytes_of(invite)), invite);
        const Account account{dice.profile(), dice.text(), dice.text(), dice.text(), {dice.text(), "operator"}, dice.coin(), dice.time()};
        ASSERT_EQ(decode_account(account.profile.id, bytes_of(account)), account);
        const Device device{dice.id<DeviceId>(), dice.text(), dice.text(), dice.digest256(),
                            dice.time(),         dice.time(), dice.time(), dice.id<Cursor>()};
        ASSERT_EQ(decode_device(device.id, bytes_of(device)), device);
        auto registered = device;
        registered.push = {"p" + dice.text(), dice.text()};
        ASSERT_EQ(decode_device(device.id, bytes_of(registered)), registered);
        const auto push = dice.push();
        ASSERT_EQ(decode_push(bytes_of(push)), push);
        const auto dead = dice.dead_push();
        ASSERT_EQ(decode_dead_push(bytes_of(dead)), dead);
        const auto pair = dice.pair();
        ASSERT_EQ(decode_pair(bytes_of(pair)), pair);
        const auto relation = dice.relation(dice.id<UserId>());
        ASSERT_EQ(decode_relation(relation.other, bytes_of(relation)), relation);
        const auto change = dice.relation_change(dice.id<UserId>(), dice.id<UserId>());
        ASSERT_EQ(decode_relation_change(change.people[0].id, change.people[1].id, bytes_of(change)), change);
    }
}

TEST(Records, every_truncation_is_refused) {
    for (const auto& kind : kinds()) {
        Dice dice(4);
        for (int i = 0; i < 50; ++i) {
            const auto bytes = kind.encoded(dice);
            for (std::size_t size = 0; size < bytes.size(); ++size)
                ASSERT_EQ(kind.again(std::string_view(bytes).substr(0, size)), "") << kind.name << " cut at " << size;
        }
    }
}

TEST(Records, anything_behind_a_record_is_refused) {
    for (const auto& kind : kinds()) {
        Dice dice(5);
        const auto bytes = kind.encoded(dice);
        EXPECT_EQ(kind.again(bytes + '\0'), "") << kind.name;
        EXPECT_EQ(kind.again(bytes + bytes), "") << kind.name;
    }
}

// A decoder may not know that a letter of a text is wrong, but it never takes other bytes for the same record.
TEST(Records, a_flipped_bit_is_refused_or_makes_another_record) {
    for (const auto& kind : kinds()) {
        Dice dice(6);
        for (int i = 0; i < 30; ++i) {
            const auto bytes = kind.encoded(dice);
            for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
                auto flipped = bytes;
                flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
                const auto again = kind.again(flipped);
                const bool other_version = bit < 8;
                ASSERT_TRUE(again.empty() || (again == flipped && !other_version)) << kind.name << ", bit " << bit;
            }
        }
    }
}

TEST(Records, random_bytes_never_become_a_record_that_they_are_not) {
    for (const auto& kind : kinds()) {
        Dice dice(7);
        for (int i = 0; i < 20'000; ++i) {
            auto bytes = dice.text(80);
            if (!bytes.empty()) bytes[0] = 1;
            const auto again = kind.again(bytes);
            ASSERT_TRUE(again.empty() || again == bytes) << kind.name;
        }
    }
}

TEST(Records, a_wild_count_asks_for_no_memory) {
    // An entry of a message whose number of mentions is 2^63 - 1.
    std::string bytes = bytes_of(Entry{ConversationId{1}, Seq{1}, EntryType::message_created, Time{}, UserId{1}, {}, nullptr});
    bytes.back() = static_cast<char>(0xFF);
    bytes.append(7, static_cast<char>(0xFF)).push_back(0x7F);
    EXPECT_FALSE(decode_entry(ConversationId{1}, Seq{1}, bytes));
}

TEST(Records, a_member_without_a_stay_is_refused) {
    Dice dice(8);
    auto member = dice.member();
    member.stays.assign(1, {Seq{1}, Seq{0}});
    auto bytes = bytes_of(member);
    bytes.resize(bytes.size() - 2);
    bytes.back() = 0;
    EXPECT_FALSE(decode_member(UserId{1}, bytes));
}

// Stored bytes of the first format: a change of the codec that can't read them any more must fail here.
TEST(Records, the_stored_form_is_fixed) {
    using namespace std::string_literals;
    const Entry entry{ConversationId{1}, Seq{2},    EntryType::message_created,
                      Time{Millis{64}},  UserId{3}, Message{MessageId{4}, UserId{3}, "c", "hi", {{UserId{5}}, true}, {}, false}};
    EXPECT_EQ(bytes_of(entry),
              "\1\1\x80\1"s + "\0\0\0\0\0\0\0\3"s + "\0\0\0\0\0\0\0\4"s + "\0\0\0\0\0\0\0\3"s + "\1\1c\2hi\1"s + "\0\0\0\0\0\0\0\5"s);
    auto shadowed = entry;
    shadowed.message.mentions = {};
    shadowed.shadow = std::make_shared<const Shadow>(Shadow{Seq{1}, {{UserId{6}, Seq{7}}}, MessageId{4}});
    EXPECT_EQ(bytes_of(shadowed), "\2\1\x80\1"s + "\0\0\0\0\0\0\0\3"s + "\0\0\0\0\0\0\0\4"s + "\0\0\0\0\0\0\0\3"s + "\0\1c\2hi\0"s +
                                      "\1\0\0\0\0\0\0\0\4"s + "\1\0\0\0\0\0\0\0\6\7"s);
    EXPECT_EQ(bytes_of(SendKey{Seq{3}, {}}), "\1\3"s + std::string(16, '\0'));
    EXPECT_EQ(bytes_of(SendKey{{}, {}, HeldId{3}, "no"}), "\2\0\0\0\0\0\0\0\3\2no"s + std::string(16, '\0'));
    const InboxItem item{ConversationId{1}, Seq{300}, Role::owner, EntryType::member_left, true, false};
    EXPECT_EQ(bytes_of(item), "\1\0\0\0\0\0\0\0\1\xAC\2\2\5\1"s);
    const UserConversation row{ConversationId{1}, Seq{2}, Cursor{3}, Role::admin, true, true, Cursor{4}, Seq{5}, Seq{6}, 7, 8};
    EXPECT_EQ(bytes_of(row), "\1\2\3\1\3\4\5\6\7\10"s);
    EXPECT_EQ(bytes_of(Preference{true, true, Time{Millis{64}}, Seq{5}}), "\2\3\x80\1\5"s);
    EXPECT_EQ(decode_preference("\1\3\x80\1"s).value(), (Preference{true, true, Time{Millis{64}}, Seq{}}));
    EXPECT_EQ(bytes_of(Receipt{Seq{300}, Seq{2}}), "\1\2\xAA\2"s);
    const Pair pair{.direct = ConversationId{0x0102030405060708},
                    .stage = Pair::Stage::higher_asked,
                    .blocks = {true, false},
                    .gone = {false, true},
                    .version = 300};
    EXPECT_EQ(bytes_of(pair), "\1\1\2\3\4\5\6\7\10\2\1\0\0\1\254\2"s);
    EXPECT_EQ(bytes_of(Relation{.other = UserId{5}, .version = 2, .state = FriendState::asked, .blocks = false, .blocked_by = true}),
              "\1\2\2\0\1"s);
    EXPECT_EQ(bytes_of(Push{Time{Millis{1}}, Time{Millis{2}}, 3, {{"p", DeviceId{5}}}, "e"}), "\1\2\4\3\1\1p\0\0\0\0\0\0\0\5\1e"s);
    EXPECT_EQ(bytes_of(DeadPush{Time{Millis{1}}, Time{Millis{2}}, 3, DeadReason::age, "e"}), "\1\2\4\3\1\1e"s);
}

}  // namespace
}  // namespace madang::test
