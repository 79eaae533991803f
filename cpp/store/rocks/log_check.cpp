#include "store/rocks/log_check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace madang {
namespace {

// RocksDB's log format: blocks of 32 KiB; a record is crc (4, masked), length (2), type (1), payload; long ones go over several blocks.
constexpr std::size_t kBlock = 32768;
constexpr std::size_t kHeader = 7;
constexpr std::size_t kBatchHeader = 12;  // of a payload; one that is no longer is an empty append, which a recovery leaves behind
constexpr std::size_t kSector = 512;
constexpr std::size_t kMissingEnd = 8;  // zeros; a part is written at once after its header, so less is never missing
constexpr auto kNone = static_cast<std::size_t>(-1);
enum Type : unsigned char { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

constexpr auto kCrcTable = [] {
    std::array<std::array<std::uint32_t, 256>, 8> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
        table[0][i] = crc;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::size_t k = 1; k < 8; ++k) table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xFF];
    return table;
}();

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

struct Header {
    std::uint32_t crc;
    std::size_t length;
    unsigned char type;
    bool blank() const { return crc == 0 && length == 0 && type == kZero; }
};

// Not mapped: a sector that can't be read would end the process instead of naming the file.
Result<std::string> read_file(const std::filesystem::path& path) {
    const auto refuse = [&] { return fail(Code::internal, path.string() + ": " + std::strerror(errno)); };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return refuse();
    std::string bytes;
    ssize_t got = 1;
    while (got > 0) {
        constexpr std::size_t kStep = 1 << 20;
        const auto size = bytes.size();
        bytes.resize(size + kStep);
        got = ::read(descriptor, bytes.data() + size, kStep);
        bytes.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    if (got == 0) {
        ::close(descriptor);
        return bytes;
    }
    const auto error = refuse();
    ::close(descriptor);
    return error;
}

class Log {
  public:
    explicit Log(std::string_view bytes) : bytes_(bytes) {}

    struct Bad {
        std::size_t at;
        bool out_of_order = false;  // its parts are whole, but not where they were written
    };

    // Where the whole records end: at the first byte that belongs to none, or at the start of one that lacks its later parts.
    // Empty if the log is whole to its end, zeros at the end included.
    std::optional<Bad> first_bad() const {
        std::size_t open_record = kNone;
        std::uint64_t next_number = 0;
        std::size_t at = 0;
        while (at < bytes_.size()) {
            if (room(at) < kHeader) {
                at += room(at);
                continue;
            }
            const auto header = read(at);
            if (!header || !whole(at, *header)) break;
            const bool begins = header->type == kFull || header->type == kFirst;
            if (header->type > kLast || begins != (open_record == kNone)) return Bad{at, true};
            if (header->type == kFull && header->length < kBatchHeader) return Bad{at, true};
            // A first part that ends with its block may be shorter than the batch's own header: then its number is not looked at.
            if (begins && header->length >= kBatchHeader) {
                if (number_at(at) < next_number) return Bad{at, true};
                next_number = number_at(at) + rows_at(at);
            }
            if (header->type == kFirst) open_record = at;
            if (header->type == kLast) open_record = kNone;
            at += kHeader + header->length;
        }
        if (open_record != kNone) return Bad{open_record};
        if (only_zeros(at, bytes_.size())) return std::nullopt;
        return Bad{at};
    }

    // Does a whole record begin anywhere at or after `from`? At any byte: a damaged length hides where the next one begins.
    std::optional<std::size_t> record_after(std::size_t from) const {
        for (auto at = from; at + kHeader <= bytes_.size(); ++at) {
            const auto type = bytes_[at + kHeader - 1];
            if (type != kFull && type != kFirst) continue;
            const auto header = read(at);
            const bool has_rows = type == kFirst || header->length > kBatchHeader;
            if (room(at) >= kHeader && has_rows && whole(at, *header)) return at;
        }
        return std::nullopt;
    }

    // Does the record at `at`, which is not whole, lack a sector or its end, rather than bear a wrong bit?
    bool is_cut_off(std::size_t at) const {
        std::size_t part = at;
        // Its first parts may be whole: on to the part that is not.
        for (auto header = read(part); header && whole(part, *header) && header->type != kZero; header = read(part)) {
            part += kHeader + header->length;
            if (room(part) < kHeader) part += room(part);
        }
        const auto header = read(part);
        if (!header || header->blank()) return true;
        if (whole_but_for_its_length(part, *header)) return false;
        const auto end = part + kHeader + header->length;
        if (end > bytes_.size()) return true;
        const auto last = std::min(end, part + room(part));
        for (auto from = part; from < last;) {
            const auto to = std::min(last, (from / kSector + 1) * kSector);
            if (only_zeros(from, to)) return true;
            from = to;
        }
        return last >= part + kHeader + kMissingEnd && only_zeros(last - kMissingEnd, last);
    }

  private:
    static std::size_t room(std::size_t at) { return kBlock - at % kBlock; }

    bool only_zeros(std::size_t from, std::size_t to) const {
        return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(from), bytes_.begin() + static_cast<std::ptrdiff_t>(to),
                           [](char c) { return c == 0; });
    }

    std::uint64_t little_endian(std::size_t at, std::size_t size) const {
        std::uint64_t value = 0;
        for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
        return value;
    }
    // Of the append whose first part is at `at`: the number of its first row, rising through a log, and how many rows it has.
    std::uint64_t number_at(std::size_t at) const { return little_endian(at + kHeader, 8); }
    std::uint64_t rows_at(std::size_t at) const { return little_endian(at + kHeader + 8, 4); }

    std::optional<Header> read(std::size_t at) const {
        if (at + kHeader > bytes_.size()) return std::nullopt;
        return Header{static_cast<std::uint32_t>(little_endian(at, 4)), static_cast<std::size_t>(little_endian(at + 4, 2)),
                      static_cast<unsigned char>(bytes_[at + 6])};
    }

    bool whole(std::size_t at, const Header& header) const {
        if (header.type == kZero || kHeader + header.length > room(at) || at + kHeader + header.length > bytes_.size()) return false;
        return masked(crc32c(bytes_.substr(at + kHeader - 1, 1 + header.length))) == header.crc;
    }

    // The crc does not cover the length: try every other one.
    bool whole_but_for_its_length(std::size_t at, const Header& header) const {
        const auto length_max = std::min(room(at), bytes_.size() - at) - kHeader;
        auto crc = crc32c(bytes_.substr(at + kHeader - 1, 1));
        for (std::size_t length = 1; length <= length_max; ++length) {
            crc = crc32c(bytes_.substr(at + kHeader - 1 + length, 1), crc);
            if (length >= kBatchHeader && masked(crc) == header.crc) return true;
        }
        return false;
    }

    std::string_view bytes_;
};

Result<std::vector<std::filesystem::path>> logs_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> logs;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".log") logs.push_back(entry->path());
    if (error) return fail(Code::internal, folder.string() + ": " + error.message());
    // Names are numbers of at least six digits: shorter ones are older.
    std::ranges::sort(logs, {}, [](const auto& path) { return std::pair(path.filename().string().size(), path.filename().string()); });
    return logs;
}

std::unexpected<Error> damaged(const std::filesystem::path& log, std::size_t at, const std::string& why) {
    return fail(Code::internal, "the store's log " + log.string() + " is damaged at byte " + std::to_string(at) + ": " + why +
                                    ". Nothing was changed; restore a backup, or the file");
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
    std::uint32_t crc = ~before;
    const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
    auto left = bytes.size();
    for (; left >= 8; left -= 8, p += 8) {
        std::uint64_t word;
        std::memcpy(&word, p, sizeof word);
        word ^= crc;
        crc = kCrcTable[7][word & 0xFF] ^ kCrcTable[6][word >> 8 & 0xFF] ^ kCrcTable[5][word >> 16 & 0xFF] ^
              kCrcTable[4][word >> 24 & 0xFF] ^ kCrcTable[3][word >> 32 & 0xFF] ^ kCrcTable[2][word >> 40 & 0xFF] ^
              kCrcTable[1][word >> 48 & 0xFF] ^ kCrcTable[0][word >> 56];
    }
    for (; left > 0; --left, ++p) crc = (crc >> 8) ^ kCrcTable[0][(crc ^ *p) & 0xFF];
    return ~crc;
}

Result<LogEnd> check_logs(const std::filesystem::path& folder) {
    const auto logs = logs_in(folder);
    if (!logs) return std::unexpected(logs.error());
    std::optional<std::pair<std::filesystem::path, std::size_t>> bad;
    for (const auto& path : *logs) {
        const auto bytes = read_file(path);
        if (!bytes) return std::unexpected(bytes.error());
        const Log log(*bytes);
        auto search_from = std::size_t{0};
        if (!bad) {
            const auto found = log.first_bad();
            if (!found) continue;
            if (found->out_of_order || !log.is_cut_off(found->at)) return damaged(path, found->at, "this is not what was written");
            bad.emplace(path, found->at);
            search_from = found->at + 1;
        }
        // An append begins when the one before it is on disk, so a whole record behind a broken one means that the broken one was.
        if (const auto next = log.record_after(search_from))
            return damaged(bad->first, bad->second,
                           "whole records follow it, at byte " + std::to_string(*next) + " of " + path.filename().string());
    }
    return bad ? LogEnd::torn : LogEnd::clean;
}

}  // namespace madang
