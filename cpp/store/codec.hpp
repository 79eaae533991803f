// The bytes of stored records: little building blocks for records.cpp and its neighbours, used nowhere else. Numbers are varints (LEB128,
// shortest form only) or 8 bytes big-endian where they are ids and so nearly always long; text is its length and its bytes. Thread: values
// of one call. Errors: a Reader that met anything wrong stays bad and gives zeros; the caller looks once, at the end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace madang::codec {

class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
    void flag(bool value) { byte(value ? 1 : 0); }
    void fixed(std::uint64_t value) {
        const std::uint64_t big_endian = __builtin_bswap64(value);
        out_.append(reinterpret_cast<const char*>(&big_endian), sizeof big_endian);
    }
    void varint(std::uint64_t value) {
        char bytes[10];
        std::size_t size = 0;
        for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
        bytes[size++] = static_cast<char>(value);
        out_.append(bytes, size);
    }
    // Zigzag: times before 1970 are as good as any.
    void time(Time value) {
        const auto ms = value.time_since_epoch().count();
        varint((static_cast<std::uint64_t>(ms) << 1) ^ static_cast<std::uint64_t>(ms >> 63));
    }
    void text(std::string_view value) {
        varint(value.size());
        out_.append(value);
    }
    template <typename Bytes>
    void raw(const Bytes& bytes) {
        out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    template <typename Tag>
    void id(StrongId<Tag> value) {
        fixed(value.value);
    }
    template <typename Tag>
    void position(StrongId<Tag> value) {
        varint(value.value);
    }

  private:
    std::string& out_;
};

class Reader {
  public:
    explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    // Everything read, and all of it right?
    bool complete() const { return good_ && at_ == end_; }
    bool good() const { return good_; }
    void spoil() { good_ = false; }
    std::size_t left() const { return good_ ? static_cast<std::size_t>(end_ - at_) : 0; }

    std::uint8_t byte() { return take(1) ? static_cast<std::uint8_t>(at_[-1]) : std::uint8_t{0}; }
    bool flag() { return enumerator<std::uint8_t>(1) == 1; }
    // An enumerator from 0 (or `least`) to `greatest`.
    template <typename Enum>
    Enum enumerator(std::uint8_t greatest, std::uint8_t least = 0) {
        const auto value = byte();
        if (value >= least && value <= greatest) return static_cast<Enum>(value);
        spoil();
        return static_cast<Enum>(least);
    }
    std::uint64_t fixed() {
        if (!take(8)) return 0;
        std::uint64_t value;
        std::memcpy(&value, at_ - 8, sizeof value);
        return __builtin_bswap64(value);
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint64_t part = byte();
            value |= (part & 0x7F) << shift;
            if (part >= 0x80) continue;
            // One number, one form: no zero bytes at the end, nothing past bit 63.
            if ((part == 0 && shift > 0) || (shift == 63 && part > 1)) spoil();
            return good_ ? value : 0;
        }
        spoil();
        return 0;
    }
    std::uint32_t small() {
        const auto value = varint();
        if (value > UINT32_MAX) spoil();
        return static_cast<std::uint32_t>(value);
    }
    // A count of things of at least `size_min` bytes each; so a wild count can't ask for memory.
    std::size_t count(std::size_t size_min) {
        const auto value = varint();
        if (value <= left() / size_min) return static_cast<std::size_t>(value);
        spoil();
        return 0;
    }
    Time time() {
        const auto value = varint();
        return Time{Millis{static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1))}};
    }
    std::string text() {
        const auto size = count(1);
        return take(size) ? std::string(at_ - size, size) : std::string();
    }
    template <typename Bytes>
    Bytes raw() {
        Bytes bytes{};
        if (take(bytes.size())) std::memcpy(bytes.data(), at_ - bytes.size(), bytes.size());
        return bytes;
    }
    template <typename Id>
    Id id() {
        return Id{fixed()};
    }
    template <typename Id>
    Id position() {
        return Id{varint()};
    }

  private:
    bool take(std::size_t size) {
        if (left() < size) {
            spoil();
            return false;
        }
        at_ += size;
        return true;
    }

    const char* at_;
    const char* end_;
    bool good_ = true;
};

inline constexpr std::uint8_t kVersion = 1;  // of every record as long as all are in their first form

inline Writer begin(std::string& out, std::uint8_t version = kVersion) {
    Writer w(out);
    w.byte(version);
    return w;
}

inline Reader begin(std::string_view bytes) {
    Reader r(bytes);
    if (r.byte() != kVersion) r.spoil();
    return r;
}

// The record, if it was read whole and all of it was right. The ids are for the message.
template <typename Record>
Result<Record> finish(const Reader& r, Record&& record, const char* what, std::uint64_t first = 0, std::uint64_t second = 0) {
    if (r.complete()) return std::forward<Record>(record);
    auto place = std::string("damaged record: ") + what;
    if (first != 0) place += " of " + std::to_string(first);
    if (second != 0) place += ", " + std::to_string(second);
    return fail(Code::internal, std::move(place));
}

}  // namespace madang::codec
