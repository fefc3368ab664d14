-- The usual media route of an OpenResty site: verified tokens and records are in shared
-- dictionaries, nginx serves the file.
local ffi = require "ffi"
local cjson = require "cjson.safe"
local base64 = require "ngx.base64"

ffi.cdef [[
  typedef struct evp_md_st EVP_MD;
  const EVP_MD *EVP_sha256(void);
  unsigned char *HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *d,
                      size_t n, unsigned char *out, unsigned int *out_len);
  int CRYPTO_memcmp(const void *a, const void *b, size_t len);
]]
local crypto = ffi.load "libcrypto.so.3"
local digest = ffi.new "unsigned char[32]"

local tokens, records = ngx.shared.tokens, ngx.shared.records
local find, sub = string.find, string.sub
local _M = {}

function _M.init(key_file, record_file)
  _M.key = assert(io.open(key_file)):read("*a"):gsub("%s+$", "")
  for line in io.lines(record_file) do
    local id, record = line:match "^([^|]+)|(.*)$"
    assert(records:set(id, record))
  end
end

local function verify(token)
  local _, _, signed, header, payload, signature = find(token, "^(([%w_-]+)%.([%w_-]+))%.([%w_-]+)$")
  if not signed then return end
  header = cjson.decode(base64.decode_base64url(header) or "")
  signature = base64.decode_base64url(signature)
  if not header or header.alg ~= "HS256" or not signature or #signature ~= 32 then return end
  crypto.HMAC(crypto.EVP_sha256(), _M.key, #_M.key, signed, #signed, digest, nil)
  if crypto.CRYPTO_memcmp(digest, signature, 32) ~= 0 then return end
  local claims = cjson.decode(base64.decode_base64url(payload) or "")
  if not claims or claims.aud ~= "ngx_media" or not claims.sub or not claims.exp then return end
  local ttl = claims.exp - ngx.time()
  if ttl <= 0 then return end
  tokens:set(token, claims.company, math.min(ttl, 300))
  return claims.company
end

local function company_of(authorization)
  if not authorization or sub(authorization, 1, 7) ~= "Bearer " then return end
  local token = sub(authorization, 8)
  return tokens:get(token) or verify(token)
end

-- "company|status|mime type|file name|storage key"; find() of plain text is what LuaJIT compiles.
local function split(record)
  local a = find(record, "|", 1, true)
  local b = find(record, "|", a + 1, true)
  local c = find(record, "|", b + 1, true)
  local d = find(record, "|", c + 1, true)
  return sub(record, 1, a - 1), sub(record, a + 1, b - 1), sub(record, b + 1, c - 1),
    sub(record, c + 1, d - 1), sub(record, d + 1)
end

function _M.serve()
  local company = company_of(ngx.var.http_authorization)
  if not company then return ngx.exit(401) end
  local record = records:get(ngx.var.media_id)
  if not record then return ngx.exit(404) end
  local owner, status, mime_type, file_name, storage_key = split(record)
  if owner ~= company or status ~= "completed" then return ngx.exit(404) end
  local header = ngx.header
  header.content_type = mime_type
  header.content_disposition = 'inline; filename="' .. (file_name == "" and "file" or file_name) .. '"'
  header.cache_control = "private, max-age=3600, immutable"
  return ngx.exec("/internal/" .. storage_key)
end

return _M
