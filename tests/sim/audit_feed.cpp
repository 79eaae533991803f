// The commit index against the logs, and what the plugins that listen have heard.
#include "audit.hpp"
#include "check.hpp"
#include "store/feed_records.hpp"

namespace madang::sim {

void Audit::check_commit_index() const {
    std::map<ConversationId, Seq> listed;
    CommitPlace last;
    std::uint64_t total = 0;
    const auto read = scan_all(disk_, Table::commit_index, [&](std::string_view key, std::string_view value) {
        const auto place = commit_place_in(key).value();
        const auto row = decode_commit_row(value);
        expect(row.has_value(), "a row of the commit index that is no record");
        const bool same_stream = place.run == last.run && place.stream == last.stream;
        if (!same_stream) total = 0;
        expect(place.row == (same_stream ? last.row + 1 : 1), "the commit index has a hole in run " + std::to_string(place.run));
        total += row->entries.size();
        expect(row->total == total, "the commit index counts wrongly in run " + std::to_string(place.run));
        for (const auto& each : row->entries) {
            auto& seq = listed[each.conversation];
            expect(each.seq == next(seq),
                   "the commit index has (" + to_string(each.conversation) + ", " + to_string(each.seq) + ") after seq " + to_string(seq));
            seq = each.seq;
        }
        last = place;
        return true;
    });
    expect(read.has_value(), "a table can't be read");
    for (const auto& [id, log] : logs_)
        expect(listed[id].value == log.entries.size(), "the commit index ends too early in conversation " + to_string(id));
    expect(listed.size() == logs_.size(), "the commit index lists what is in no log");
}

void Audit::check_heard(const Ear& ear) const {
    for (const auto& [id, log] : logs_) {
        const auto heard = ear.heard().find(id);
        expect(heard != ear.heard().end() && heard->second.value == log.entries.size(),
               "not everything was fed of conversation " + to_string(id));
    }
}

}  // namespace madang::sim
