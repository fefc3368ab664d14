#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/text.hpp"

// What directives' handlers do with their arguments.
namespace media::nginx {

inline std::span<ngx_str_t> arguments_of(ngx_conf_t* cf) {
  return std::span(static_cast<ngx_str_t*>(cf->args->elts), cf->args->nelts);
}

inline char* bad_parameter(ngx_conf_t* cf, const ngx_str_t& parameter) {
  return conf_error(cf, "\"%V\" has an invalid parameter \"%V\"", &arguments_of(cf)[0], &parameter);
}

/// The same, with a word on what is meant.
inline char* bad_parameter(ngx_conf_t* cf, const ngx_str_t& parameter, const char* meant) {
  return conf_error(cf, "\"%V\" has an invalid parameter \"%V\": it takes %s", &arguments_of(cf)[0],
                    &parameter, meant);
}

/// The value of "name=value", when the parameter is of that name.
inline std::optional<ngx_str_t> value_of(const ngx_str_t& parameter, std::string_view name) {
  const auto text = view(parameter);
  if (!text.starts_with(name) || !text.substr(name.size()).starts_with('=')) return std::nullopt;
  return borrow(text.substr(name.size() + 1));
}

/// A number from 1 to `most`.
inline bool set_count(const ngx_str_t& value, std::size_t most, std::size_t& target) {
  const ngx_int_t number = ngx_atoi(value.data, value.len);
  if (number <= 0 || static_cast<std::size_t>(number) > most) return false;
  target = static_cast<std::size_t>(number);
  return true;
}

/// nginx's way to write a time, such as 90s or 5m.
inline bool set_milliseconds(ngx_str_t value, ngx_msec_t least, ngx_msec_t& target) {
  const ngx_int_t time = ngx_parse_time(&value, 0);
  if (time == NGX_ERROR || static_cast<ngx_msec_t>(time) < least) return false;
  target = static_cast<ngx_msec_t>(time);
  return true;
}

/// A path as nginx means it: a relative one starts at the directory of nginx.conf.
inline std::string full_path(ngx_conf_t* cf, std::string_view text) {
  ngx_str_t path = copy(cf->pool, text);
  if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) throw std::bad_alloc();
  return std::string(view(path));
}

inline ngx_http_complex_value_t compile_value(ngx_conf_t* cf, ngx_str_t text) {
  ngx_http_complex_value_t value{};
  ngx_http_compile_complex_value_t compile{};
  compile.cf = cf;
  compile.value = &text;
  compile.complex_value = &value;
  if (ngx_http_compile_complex_value(&compile) != NGX_OK) {
    throw std::runtime_error("can't compile \"" + std::string(view(text)) + "\"");
  }
  return value;
}

/// Reads the file now, and again whenever it changes.
inline char* watch_file(ngx_conf_t* cf, std::string_view path, WatchedFile::Use use) {
  auto* file = make_in_pool<WatchedFile>(cf->pool, full_path(cf, path), std::move(use));
  if (const auto done = file->read(); !done) {
    return conf_error(cf, "\"%V\" %s", &arguments_of(cf)[0], done.error().message.c_str());
  }
  main_conf(cf).watched_files.push_back(file);
  return NGX_CONF_OK;
}

}  // namespace media::nginx
