/*
 * AES-256-GCM and HKDF-Expand for src/cipher/native-cipher.ts, over the OpenSSL that Node itself carries.
 *
 * Nothing is linked: the functions below resolve against the running Node. One that does not export them refuses to load this file,
 * and Keyside goes on with the cipher in TypeScript. All state belongs to one environment (one thread of JavaScript); there is none
 * beside it, so worker threads need no locks.
 *
 * Every argument is checked here as well as in TypeScript: a mistake of ours throws, it never reads or writes out of bounds. The
 * command that runs the tests under AddressSanitizer and UndefinedBehaviorSanitizer stands in tools/build-accelerator.mjs.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Declared after the manual of OpenSSL 3 (https://docs.openssl.org/3.0/man3/: EVP_EncryptInit, EVP_DigestInit, OPENSSL_malloc,
 * ERR_clear_error), since Node's headers of OpenSSL do not come with the headers of Node-API. None of them changed within OpenSSL 3.
 */
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_cipher_st EVP_CIPHER;
typedef struct evp_md_st EVP_MD;
typedef struct engine_st ENGINE;
typedef struct ossl_lib_ctx_st OSSL_LIB_CTX;
extern EVP_CIPHER *EVP_CIPHER_fetch(OSSL_LIB_CTX *library, const char *algorithm, const char *properties);
extern void EVP_CIPHER_free(EVP_CIPHER *cipher);
extern EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
extern void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context);
extern int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *context, int command, int length, void *value);
extern int EVP_CipherInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine, const unsigned char *key,
                             const unsigned char *iv, int encrypts);
extern int EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *written, const unsigned char *in, int length);
extern int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *written);
extern EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *library, const char *algorithm, const char *properties);
extern void EVP_MD_free(EVP_MD *digest);
extern int EVP_Digest(const void *data, size_t count, unsigned char *out, unsigned int *size, const EVP_MD *type, ENGINE *engine);
extern void OPENSSL_cleanse(void *memory, size_t length);
extern void ERR_clear_error(void);

/* EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG of the same manual page. */
enum { GET_TAG = 0x10, SET_TAG = 0x11 };
enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, HASH_BLOCK_BYTES = 128, HASH_BYTES = 64, COMMITMENT_BYTES = 32 };
/* A field of docs/format.md, section 4: version and nonce before the ciphertext, and with the tag what it has beside its plaintext. */
enum { PREFIX_BYTES = 1 + NONCE_BYTES, FIELD_BYTES = PREFIX_BYTES + TAG_BYTES };
/* EVP_CipherUpdate counts in int. A multiple of AES's block. */
#define LONGEST_UPDATE ((size_t)1 << 28)
/* NIST SP 800-38D, section 5.2.1.1: less than 2^39 - 256 bits. */
#define LONGEST_PLAINTEXT (((uint64_t)1 << 36) - 32)
/* What a key occupies outside of JavaScript's heap, roughly: the collector is told, else it would wait too long. */
#define KEY_FOOTPRINT 1536
/* Contexts kept for the next keys: making one costs two allocations. */
#define SPARE_CONTEXTS 64
/* Longer infos of HKDF go to the heap. */
#define STACK_INFO_BYTES 384

/* Recognises keys of ours among all objects. Random, made once for this file. */
static const napi_type_tag KEY_TAG = {0x5b1f0c2e9d874a36u, 0x8e60b7d2f1a9435cu};
static const unsigned char ZERO_KEY[KEY_BYTES] = {0};

/* Of one environment. It is freed with its last user, the environment itself or a key: which goes first is not promised. */
typedef struct {
  size_t users;
  EVP_CIPHER *aes;
  EVP_MD *sha512;
  size_t spares;
  EVP_CIPHER_CTX *spare[SPARE_CONTEXTS];
} State;

/* An imported key. The context holds the expanded key; no other copy is kept. It is null once the key was released. */
typedef struct {
  State *state;
  EVP_CIPHER_CTX *context;
} Key;

typedef struct {
  unsigned char *data;
  size_t length;
} Bytes;

static void release(State *state) {
  if (--state->users > 0) return;
  while (state->spares > 0) EVP_CIPHER_CTX_free(state->spare[--state->spares]);
  EVP_CIPHER_free(state->aes);
  EVP_MD_free(state->sha512);
  free(state);
}

static void finalize_state(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  release(data);
}

/* A context with this key, or null. It goes back by `drop_context`, which overwrites the key. */
static EVP_CIPHER_CTX *take_context(State *state, const unsigned char *raw) {
  EVP_CIPHER_CTX *context = state->spares > 0 ? state->spare[--state->spares] : EVP_CIPHER_CTX_new();
  if (context == NULL || EVP_CipherInit_ex(context, state->aes, NULL, raw, NULL, 1) == 1) return context;
  EVP_CIPHER_CTX_free(context);
  return NULL;
}

/* The spare ones have been given a key of zeros, which overwrites the expanded key and all that GCM derived from it. */
static void drop_context(State *state, EVP_CIPHER_CTX *context) {
  static const unsigned char nonce[NONCE_BYTES] = {0};
  unsigned char block[TAG_BYTES] = {0};
  int written;
  int is_overwritten = state->spares < SPARE_CONTEXTS && EVP_CipherInit_ex(context, NULL, NULL, ZERO_KEY, nonce, 1) == 1 &&
                       EVP_CipherUpdate(context, block, &written, block, 1) == 1 &&
                       EVP_CipherFinal_ex(context, block, &written) == 1;
  if (is_overwritten) {
    state->spare[state->spares++] = context;
  } else {
    /* Freeing zeroes it too: the provider clears what it frees. */
    EVP_CIPHER_CTX_free(context);
  }
}

/* Overwrites the key, once. */
static void forget(napi_env env, Key *key) {
  int64_t total;
  if (key->context == NULL) return;
  drop_context(key->state, key->context);
  key->context = NULL;
  napi_adjust_external_memory(env, -KEY_FOOTPRINT, &total);
}

static void finalize_key(napi_env env, void *data, void *hint) {
  Key *key = data;
  (void)hint;
  forget(env, key);
  release(key->state);
  free(key);
}

static napi_value wrong_type(napi_env env, const char *what) {
  napi_throw_type_error(env, NULL, what);
  return NULL;
}

static napi_value wrong_range(napi_env env, const char *what) {
  napi_throw_range_error(env, NULL, what);
  return NULL;
}

/* OpenSSL's queue of errors belongs to the thread: what is left in it would turn up in someone else's message. */
static napi_value failed(napi_env env, const char *what) {
  ERR_clear_error();
  napi_throw_error(env, NULL, what);
  return NULL;
}

static State *state_of(napi_env env) {
  void *state = NULL;
  return napi_get_instance_data(env, &state) == napi_ok ? state : NULL;
}

/* True where there are exactly `count` arguments. */
static int read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t given = count;
  return napi_get_cb_info(env, info, &given, arguments, NULL, NULL) == napi_ok && given == count;
}

/* A Uint8Array, Buffers among them; nothing else, so that lengths are bytes. */
static int read_bytes(napi_env env, napi_value value, Bytes *bytes) {
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, &bytes->length, &data, NULL, NULL) != napi_ok) return 0;
  if (type != napi_uint8_array) return 0;
  bytes->data = data;
  return data != NULL || bytes->length == 0;
}

static Key *read_key(napi_env env, napi_value value) {
  bool is_ours = false;
  void *key = NULL;
  if (napi_check_object_type_tag(env, value, &KEY_TAG, &is_ours) != napi_ok || !is_ours) return NULL;
  return napi_unwrap(env, value, &key) == napi_ok ? key : NULL;
}

static int overlap(Bytes a, Bytes b) {
  uintptr_t first = (uintptr_t)a.data;
  uintptr_t second = (uintptr_t)b.data;
  return a.length > 0 && b.length > 0 && first < second + b.length && second < first + a.length;
}

/* Additional data where `out` is null. */
static int update(EVP_CIPHER_CTX *context, unsigned char *out, Bytes in) {
  for (size_t at = 0; at < in.length;) {
    size_t left = in.length - at;
    int length = (int)(left < LONGEST_UPDATE ? left : LONGEST_UPDATE);
    int written = 0;
    if (EVP_CipherUpdate(context, out == NULL ? NULL : out + at, &written, in.data + at, length) != 1) return 0;
    if (written != length) return 0;
    at += (size_t)length;
  }
  return 1;
}

/* (raw: Uint8Array of 32): Key */
static napi_value import_key(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  Bytes raw;
  State *state = state_of(env);
  if (state == NULL || !read_arguments(env, info, 1, &argument)) return wrong_type(env, "importKey takes one argument");
  if (!read_bytes(env, argument, &raw)) return wrong_type(env, "a key is a Uint8Array");
  if (raw.length != KEY_BYTES) return wrong_range(env, "an AES-256 key is 32 bytes");

  Key *key = malloc(sizeof *key);
  EVP_CIPHER_CTX *context = key == NULL ? NULL : take_context(state, raw.data);
  if (context == NULL) {
    free(key);
    return failed(env, "OpenSSL did not take the key");
  }
  key->state = state;
  key->context = context;
  int64_t total;
  if (napi_create_object(env, &result) != napi_ok || napi_wrap(env, result, key, finalize_key, NULL, NULL) != napi_ok) {
    EVP_CIPHER_CTX_free(context);
    free(key);
    return failed(env, "no object for the key");
  }
  state->users++;
  napi_adjust_external_memory(env, KEY_FOOTPRINT, &total);
  if (napi_type_tag_object(env, result, &KEY_TAG) != napi_ok) return failed(env, "no object for the key");
  return result;
}

/* (key: Key): void; the key is overwritten now instead of when it is collected. */
static napi_value release_key(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!read_arguments(env, info, 1, &argument)) return wrong_type(env, "release takes one argument");
  Key *key = read_key(env, argument);
  if (key == NULL) return wrong_type(env, "not a key of this cipher");
  forget(env, key);
  return NULL;
}

typedef struct {
  Key *key;
  Bytes nonce, aad, in, out;
} Message;

/* (key, nonce, aad, in, out) of seal and open alike; false with an exception pending. */
static int read_message(napi_env env, napi_callback_info info, Message *message) {
  napi_value arguments[5];
  if (!read_arguments(env, info, 5, arguments)) return wrong_type(env, "seal and open take five arguments") != NULL;
  message->key = read_key(env, arguments[0]);
  if (message->key == NULL) return wrong_type(env, "not a key of this cipher") != NULL;
  if (message->key->context == NULL) return failed(env, "a released key was used") != NULL;
  if (!read_bytes(env, arguments[1], &message->nonce) || !read_bytes(env, arguments[2], &message->aad) ||
      !read_bytes(env, arguments[3], &message->in) || !read_bytes(env, arguments[4], &message->out)) {
    return wrong_type(env, "all but the key are Uint8Arrays") != NULL;
  }
  if (message->nonce.length != NONCE_BYTES) return wrong_range(env, "a nonce is 12 bytes") != NULL;
  if (overlap(message->out, message->in) || overlap(message->out, message->aad) || overlap(message->out, message->nonce)) {
    return wrong_range(env, "the output overlaps an input") != NULL;
  }
  return 1;
}

/* (key, nonce, aad, plaintext, out: 16 bytes longer): void */
static napi_value seal(napi_env env, napi_callback_info info) {
  Message message;
  int written;
  if (!read_message(env, info, &message)) return NULL;
  Bytes in = message.in;
  if ((uint64_t)in.length > LONGEST_PLAINTEXT) return wrong_range(env, "a plaintext is at most 2^36 - 32 bytes");
  if (message.out.length != in.length + TAG_BYTES) {
    return wrong_range(env, "a sealed value is 16 bytes longer than its plaintext");
  }
  EVP_CIPHER_CTX *context = message.key->context;
  unsigned char *tag = message.out.data + in.length;
  if (EVP_CipherInit_ex(context, NULL, NULL, NULL, message.nonce.data, 1) != 1 || !update(context, NULL, message.aad) ||
      !update(context, message.out.data, in) || EVP_CipherFinal_ex(context, tag, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, tag) != 1) {
    OPENSSL_cleanse(message.out.data, message.out.length);
    return failed(env, "OpenSSL did not seal");
  }
  return NULL;
}

/* (key, nonce, aad, ciphertext, out: 16 bytes shorter): boolean; false with `out` zeroed where the tag does not match. */
static napi_value open(napi_env env, napi_callback_info info) {
  Message message;
  int written;
  napi_value result;
  unsigned char tag[TAG_BYTES];
  unsigned char nothing[TAG_BYTES];
  if (!read_message(env, info, &message)) return NULL;
  if (message.in.length < TAG_BYTES) return wrong_range(env, "a sealed value is at least its 16-byte tag");
  Bytes in = {message.in.data, message.in.length - TAG_BYTES};
  if ((uint64_t)in.length > LONGEST_PLAINTEXT) return wrong_range(env, "a plaintext is at most 2^36 - 32 bytes");
  if (message.out.length != in.length) return wrong_range(env, "a plaintext is 16 bytes shorter than its sealed value");
  memcpy(tag, in.data + in.length, TAG_BYTES);
  EVP_CIPHER_CTX *context = message.key->context;
  int is_ready = EVP_CipherInit_ex(context, NULL, NULL, NULL, message.nonce.data, 0) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag) == 1 && update(context, NULL, message.aad) &&
                 update(context, message.out.data, in);
  /* After all that, the only thing the last step can say is whether the tag matches. */
  int is_genuine = is_ready && EVP_CipherFinal_ex(context, nothing, &written) == 1;
  if (!is_genuine) {
    if (message.out.length > 0) OPENSSL_cleanse(message.out.data, message.out.length);
    if (!is_ready) return failed(env, "OpenSSL did not open");
    ERR_clear_error();
  }
  return napi_get_boolean(env, is_genuine, &result) == napi_ok ? result : NULL;
}

/* HMAC-SHA-512 (RFC 2104) of `info || 1`, which is HKDF-Expand's first block (RFC 5869, section 2.3). `room` is 128 + info + 1. */
static int hmac_of_info(const State *state, Bytes key, Bytes info, unsigned char *room, unsigned char *mac) {
  unsigned char outer[HASH_BLOCK_BYTES + HASH_BYTES];
  memset(room, 0x36, HASH_BLOCK_BYTES);
  memset(outer, 0x5c, HASH_BLOCK_BYTES);
  for (size_t at = 0; at < KEY_BYTES; at++) {
    room[at] ^= key.data[at];
    outer[at] ^= key.data[at];
  }
  if (info.length > 0) memcpy(room + HASH_BLOCK_BYTES, info.data, info.length);
  room[HASH_BLOCK_BYTES + info.length] = 1;
  int is_done = EVP_Digest(room, HASH_BLOCK_BYTES + info.length + 1, outer + HASH_BLOCK_BYTES, NULL, state->sha512, NULL) == 1 &&
                EVP_Digest(outer, sizeof outer, mac, NULL, state->sha512, NULL) == 1;
  OPENSSL_cleanse(outer, sizeof outer);
  OPENSSL_cleanse(room, HASH_BLOCK_BYTES + info.length + 1);
  return is_done;
}

/* (key: Uint8Array of 32, info, out: Uint8Array of 1 to 64): void */
static napi_value expand(napi_env env, napi_callback_info callback) {
  napi_value arguments[3];
  Bytes key, info, out;
  unsigned char stack[HASH_BLOCK_BYTES + STACK_INFO_BYTES + 1];
  unsigned char mac[HASH_BYTES];
  State *state = state_of(env);
  if (state == NULL || !read_arguments(env, callback, 3, arguments)) return wrong_type(env, "expand takes three arguments");
  if (!read_bytes(env, arguments[0], &key) || !read_bytes(env, arguments[1], &info) || !read_bytes(env, arguments[2], &out)) {
    return wrong_type(env, "expand takes Uint8Arrays");
  }
  if (key.length != KEY_BYTES) return wrong_range(env, "a key to expand is 32 bytes");
  if (out.length < 1 || out.length > HASH_BYTES) return wrong_range(env, "an expanded key is 1 to 64 bytes");
  unsigned char *room = info.length <= STACK_INFO_BYTES ? stack : malloc(HASH_BLOCK_BYTES + info.length + 1);
  if (room == NULL) return failed(env, "no memory to expand a key");
  int is_done = hmac_of_info(state, key, info, room, mac);
  if (room != stack) free(room);
  if (is_done) memcpy(out.data, mac, out.length);
  OPENSSL_cleanse(mac, sizeof mac);
  return is_done ? NULL : failed(env, "OpenSSL did not expand the key");
}

/* What seal_fields and open_fields are given alike. */
typedef struct {
  State *state;
  Bytes secret, info, prefix, names, commitment, out;
  const uint32_t *name_lengths;
  uint32_t count;
  uint32_t version;
  napi_value values;
} Fields;

static int read_lengths(napi_env env, napi_value value, const uint32_t **lengths, size_t *count) {
  napi_typedarray_type type;
  void *data = NULL;
  if (napi_get_typedarray_info(env, value, &type, count, &data, NULL, NULL) != napi_ok) return 0;
  *lengths = data;
  return type == napi_uint32_array && (data != NULL || *count == 0);
}

/* (secret, info, version, aadPrefix, names, nameLengths, values, commitment, out); false with an exception pending. */
static int read_fields(napi_env env, const napi_value *arguments, Fields *fields) {
  size_t lengths = 0;
  fields->state = state_of(env);
  int is_read = fields->state != NULL && read_bytes(env, arguments[0], &fields->secret) &&
                read_bytes(env, arguments[1], &fields->info) &&
                napi_get_value_uint32(env, arguments[2], &fields->version) == napi_ok &&
                read_bytes(env, arguments[3], &fields->prefix) && read_bytes(env, arguments[4], &fields->names) &&
                read_lengths(env, arguments[5], &fields->name_lengths, &lengths) &&
                napi_get_array_length(env, arguments[6], &fields->count) == napi_ok &&
                read_bytes(env, arguments[7], &fields->commitment) && read_bytes(env, arguments[8], &fields->out);
  if (!is_read) return wrong_type(env, "fields are bytes, a version, lengths and an array") != NULL;
  fields->values = arguments[6];
  if (fields->secret.length != KEY_BYTES) return wrong_range(env, "a secret is 32 bytes") != NULL;
  if (fields->commitment.length != COMMITMENT_BYTES) return wrong_range(env, "a commitment is 32 bytes") != NULL;
  if (fields->version > 255) return wrong_range(env, "a version is one byte") != NULL;
  size_t names = 0;
  if (lengths < fields->count) return wrong_range(env, "every value has a name") != NULL;
  for (uint32_t at = 0; at < fields->count; at++) names += fields->name_lengths[at];
  if (names > fields->names.length) return wrong_range(env, "the names are shorter than their lengths") != NULL;
  Bytes out = fields->out;
  if (overlap(out, fields->secret) || overlap(out, fields->info) || overlap(out, fields->prefix) ||
      overlap(out, fields->names) || overlap(out, fields->commitment)) {
    return wrong_range(env, "the output overlaps an input") != NULL;
  }
  return 1;
}

static int read_value(napi_env env, const Fields *fields, uint32_t at, Bytes *value) {
  napi_value element;
  if (napi_get_element(env, fields->values, at, &element) != napi_ok || !read_bytes(env, element, value)) {
    return wrong_type(env, "a value is a Uint8Array") != NULL;
  }
  if (overlap(fields->out, *value)) return wrong_range(env, "the output overlaps an input") != NULL;
  if ((uint64_t)value->length > LONGEST_PLAINTEXT) return wrong_range(env, "a value is at most 2^36 - 32 bytes") != NULL;
  return 1;
}

/* Key and commitment: 64 bytes, to be cleansed by the caller. */
static int derive(const Fields *fields, unsigned char *both) {
  unsigned char stack[HASH_BLOCK_BYTES + STACK_INFO_BYTES + 1];
  Bytes info = fields->info;
  unsigned char *room = info.length <= STACK_INFO_BYTES ? stack : malloc(HASH_BLOCK_BYTES + info.length + 1);
  if (room == NULL) return 0;
  int is_done = hmac_of_info(fields->state, fields->secret, info, room, both);
  if (room != stack) free(room);
  return is_done;
}

/* Each `version || nonce || ciphertext || tag` where the one before it ends; false with an exception pending. */
static int seal_each(napi_env env, const Fields *fields, const unsigned char *nonces, EVP_CIPHER_CTX *context) {
  size_t at = 0;
  Bytes name = {fields->names.data, 0};
  for (uint32_t field = 0; field < fields->count; field++, nonces += NONCE_BYTES) {
    Bytes value;
    int written;
    if (!read_value(env, fields, field, &value)) return 0;
    if (fields->out.length - at < FIELD_BYTES || fields->out.length - at - FIELD_BYTES < value.length) {
      return wrong_range(env, "a sealed field is 29 bytes longer than its plaintext") != NULL;
    }
    name.length = fields->name_lengths[field];
    unsigned char *out = fields->out.data + at;
    unsigned char *tag = out + PREFIX_BYTES + value.length;
    out[0] = (unsigned char)fields->version;
    memcpy(out + 1, nonces, NONCE_BYTES);
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, nonces, 1) != 1 || !update(context, NULL, fields->prefix) ||
        !update(context, NULL, name) || !update(context, out + PREFIX_BYTES, value) ||
        EVP_CipherFinal_ex(context, tag, &written) != 1 || EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG_BYTES, tag) != 1) {
      return failed(env, "OpenSSL did not seal") != NULL;
    }
    name.data += name.length;
    at += FIELD_BYTES + value.length;
  }
  if (at != fields->out.length) return wrong_range(env, "the output is longer than the sealed fields") != NULL;
  return 1;
}

/* (secret, info, version, aadPrefix, names, nameLengths, plaintexts, commitment: 32 to write, out, nonces): void */
static napi_value seal_fields(napi_env env, napi_callback_info info) {
  napi_value arguments[10];
  Fields fields;
  Bytes nonces;
  unsigned char both[HASH_BYTES];
  if (!read_arguments(env, info, 10, arguments)) return wrong_type(env, "sealFields takes ten arguments");
  if (!read_fields(env, arguments, &fields)) return NULL;
  if (!read_bytes(env, arguments[9], &nonces)) return wrong_type(env, "nonces are a Uint8Array");
  if (nonces.length != (size_t)fields.count * NONCE_BYTES) return wrong_range(env, "a nonce is 12 bytes");
  if (overlap(fields.out, nonces)) return wrong_range(env, "the output overlaps an input");
  EVP_CIPHER_CTX *context = derive(&fields, both) ? take_context(fields.state, both) : NULL;
  if (context != NULL) memcpy(fields.commitment.data, both + KEY_BYTES, COMMITMENT_BYTES);
  OPENSSL_cleanse(both, sizeof both);
  if (context == NULL) return failed(env, "OpenSSL did not derive the key");
  if (!seal_each(env, &fields, nonces.data, context) && fields.out.length > 0) {
    OPENSSL_cleanse(fields.out.data, fields.out.length);
  }
  drop_context(fields.state, context);
  return NULL;
}

/* One plaintext where the one before it ends: 1, 0 where a field is not genuine, -1 with an exception pending. */
static int open_each(napi_env env, const Fields *fields, EVP_CIPHER_CTX *context) {
  size_t at = 0;
  Bytes name = {fields->names.data, 0};
  for (uint32_t field = 0; field < fields->count; field++) {
    Bytes value;
    unsigned char nothing[TAG_BYTES];
    unsigned char tag[TAG_BYTES];
    int written;
    if (!read_value(env, fields, field, &value)) return -1;
    if (value.length < FIELD_BYTES || value.data[0] != fields->version) return 0;
    Bytes in = {value.data + PREFIX_BYTES, value.length - FIELD_BYTES};
    if (fields->out.length - at < in.length) {
      wrong_range(env, "a plaintext is 29 bytes shorter than its sealed field");
      return -1;
    }
    name.length = fields->name_lengths[field];
    memcpy(tag, in.data + in.length, TAG_BYTES);
    if (EVP_CipherInit_ex(context, NULL, NULL, NULL, value.data + 1, 0) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG_BYTES, tag) != 1 || !update(context, NULL, fields->prefix) ||
        !update(context, NULL, name) || !update(context, fields->out.data + at, in)) {
      failed(env, "OpenSSL did not open");
      return -1;
    }
    if (EVP_CipherFinal_ex(context, nothing, &written) != 1) {
      ERR_clear_error();
      return 0;
    }
    name.data += name.length;
    at += in.length;
  }
  if (at == fields->out.length) return 1;
  wrong_range(env, "the output is longer than the plaintexts");
  return -1;
}

static int differs(const unsigned char *a, const unsigned char *b, size_t length) {
  volatile unsigned char difference = 0;
  for (size_t at = 0; at < length; at++) difference |= a[at] ^ b[at];
  return difference != 0;
}

/*
 * (secret, info, version, aadPrefix, names, nameLengths, sealed, commitment, out): 0 where all are open, 1 where the key is not the one
 * committed to, 2 with `out` zeroed where a field is not genuine.
 */
static napi_value open_fields(napi_env env, napi_callback_info info) {
  napi_value arguments[9], result;
  Fields fields;
  unsigned char both[HASH_BYTES];
  if (!read_arguments(env, info, 9, arguments)) return wrong_type(env, "openFields takes nine arguments");
  if (!read_fields(env, arguments, &fields)) return NULL;
  int is_derived = derive(&fields, both);
  int is_other = is_derived && differs(both + KEY_BYTES, fields.commitment.data, COMMITMENT_BYTES);
  EVP_CIPHER_CTX *context = is_derived && !is_other ? take_context(fields.state, both) : NULL;
  OPENSSL_cleanse(both, sizeof both);
  if (is_other) return napi_create_uint32(env, 1, &result) == napi_ok ? result : NULL;
  if (context == NULL) return failed(env, "OpenSSL did not derive the key");
  int opened = open_each(env, &fields, context);
  drop_context(fields.state, context);
  if (opened != 1 && fields.out.length > 0) OPENSSL_cleanse(fields.out.data, fields.out.length);
  if (opened < 0) return NULL;
  return napi_create_uint32(env, opened == 1 ? 0 : 2, &result) == napi_ok ? result : NULL;
}

static int define(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

NAPI_MODULE_INIT() {
  State *state = calloc(1, sizeof *state);
  if (state == NULL) return failed(env, "no memory for the cipher");
  state->users = 1;
  state->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  state->sha512 = EVP_MD_fetch(NULL, "SHA2-512", NULL);
  if (state->aes == NULL || state->sha512 == NULL || napi_set_instance_data(env, state, finalize_state, NULL) != napi_ok) {
    release(state);
    return failed(env, "this OpenSSL has no AES-256-GCM or SHA-512");
  }
  int is_defined = define(env, exports, "importKey", import_key) && define(env, exports, "seal", seal) &&
                   define(env, exports, "open", open) && define(env, exports, "release", release_key) &&
                   define(env, exports, "expand", expand) &&
                   define(env, exports, "sealFields", seal_fields) && define(env, exports, "openFields", open_fields);
  return is_defined ? exports : failed(env, "the functions of the cipher could not be defined");
}
