#include "wire/json_object.hpp"

#include <nlohmann/json.hpp>

#include "wire/json_writer.hpp"

namespace madang::wire {
namespace {

using Json = nlohmann::json;
using Kind = JsonMember::Kind;

// nlohmann's SAX events, for an object or an array at the top. A parser's exception object is only looked at, never thrown.
class Reader {
  public:
    explicit Reader(std::span<JsonMember> members) : members_(members) {}

    bool null() { return scalar(Kind::null, "null"); }
    bool boolean(bool value) { return scalar(Kind::boolean, value ? "true" : "false", value ? 1 : 0); }
    bool number_integer(Json::number_integer_t value) { return scalar(Kind::number, std::to_string(value)); }
    bool number_unsigned(Json::number_unsigned_t value) { return scalar(Kind::whole, std::to_string(value), value); }
    bool number_float(Json::number_float_t, const std::string& digits) { return scalar(Kind::number, digits); }
    bool binary(Json::binary_t&) { return false; }

    bool string(std::string& value) {
        if (depth_ == 0) return false;
        if (depth_ == 1) {
            if (wanted_ != nullptr) take(Kind::string, std::move(value));
        } else if (wanted_ != nullptr) {
            comma();
            append_string(wanted_->text, value);
        }
        return true;
    }

    bool start_object(std::size_t) { return open('{', Kind::object); }
    bool end_object() { return close('}'); }
    bool start_array(std::size_t) { return depth_ > 0 && open('[', Kind::array); }
    bool end_array() { return close(']'); }

    bool key(std::string& name) {
        if (depth_ == 1) {
            wanted_ = find(name);
        } else if (wanted_ != nullptr) {
            comma();
            append_string(wanted_->text, name);
            wanted_->text += ':';
        }
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

  private:
    JsonMember* find(std::string_view name) const {
        for (auto& member : members_)
            if (member.name == name) return &member;
        return nullptr;
    }

    void take(Kind kind, std::string&& text, std::uint64_t number = 0) {
        wanted_->kind = kind;
        wanted_->number = number;
        wanted_->text = std::move(text);
    }

    bool scalar(Kind kind, std::string text, std::uint64_t number = 0) {
        if (depth_ == 0) return false;
        if (wanted_ == nullptr) return true;
        if (depth_ == 1) {
            take(kind, std::move(text), number);
        } else {
            comma();
            wanted_->text += text;
        }
        return true;
    }

    bool open(char bracket, Kind kind) {
        if (++depth_ > kDepthMax) return false;
        if (depth_ == 1 || wanted_ == nullptr) return true;
        if (depth_ == 2) {
            take(kind, {});
        } else {
            comma();
        }
        wanted_->text += bracket;
        return true;
    }

    bool close(char bracket) {
        if (--depth_ >= 1 && wanted_ != nullptr) wanted_->text += bracket;
        return true;
    }

    // Between two items of the compact copy.
    void comma() {
        const char last = wanted_->text.back();
        if (last != '[' && last != '{' && last != ':') wanted_->text += ',';
    }

    std::span<JsonMember> members_;
    JsonMember* wanted_ = nullptr;
    int depth_ = 0;
};

}  // namespace

bool read_object(std::string_view bytes, std::span<JsonMember> members) {
    Reader reader{members};
    return Json::sax_parse(bytes.begin(), bytes.end(), &reader);
}

bool read_strings(std::string_view array, std::size_t items_max, std::vector<std::string>& out) {
    class Strings {
      public:
        Strings(std::size_t items_max, std::vector<std::string>& out) : items_max_(items_max), out_(out) {}
        bool string(std::string& value) {
            if (out_.size() == items_max_) return false;
            out_.push_back(std::move(value));
            return true;
        }
        bool start_array(std::size_t) { return ++depth_ == 1; }
        bool end_array() { return true; }
        bool null() { return false; }
        bool boolean(bool) { return false; }
        bool number_integer(Json::number_integer_t) { return false; }
        bool number_unsigned(Json::number_unsigned_t) { return false; }
        bool number_float(Json::number_float_t, const std::string&) { return false; }
        bool binary(Json::binary_t&) { return false; }
        bool start_object(std::size_t) { return false; }
        bool end_object() { return false; }
        bool key(std::string&) { return false; }
        bool parse_error(std::size_t, const std::string&, const Json::exception&) { return false; }

      private:
        std::size_t items_max_;
        std::vector<std::string>& out_;
        int depth_ = 0;
    };
    Strings strings{items_max, out};
    return Json::sax_parse(array.begin(), array.end(), &strings);
}

}  // namespace madang::wire
