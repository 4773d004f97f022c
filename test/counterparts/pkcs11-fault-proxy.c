/*
 * A PKCS#11 module in front of another one, for tests. It passes everything on, writes down which calls it had, and does what its
 * script says: fail, hang, hide tokens, or handle the IV of AES-GCM as some HSMs do. Beside its own file X.so lie
 *
 *   X.so.module   the path of the module behind it
 *   X.so.script   lines of `<function> <what>`, read at every call: `C_Decrypt 0x30`, `C_Decrypt once:0x101` (the first time in a
 *                 process), `C_Login hang`, `C_GetSlotList none`, `C_GetTokenInfo last-try`, `gcm prefix`, `gcm suffix`
 *   X.so.log      one line for each call, appended
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <pkcs11/pkcs11.h>

#define CKM_PREFIX_GCM 0x80001087UL
#define PREFIX_IV 12
#define SUFFIX_IV 16
#define TAG 16
#define MAX_SESSIONS 64
#define MAX_TEXT 4096

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST ours;
static char self[1024];

/* What a session is in the middle of, where this module handles the IV. */
static struct {
  CK_SESSION_HANDLE session;
  CK_ULONG iv_length;
  CK_BYTE iv[SUFFIX_IV];
  CK_GCM_PARAMS params;
  CK_BYTE aad[MAX_TEXT];
  CK_OBJECT_HANDLE key;
  int is_open;
} under_way[MAX_SESSIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int slot_of(CK_SESSION_HANDLE session, int make) {
  int found = -1;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MAX_SESSIONS && found < 0; i++)
    if (under_way[i].is_open && under_way[i].session == session) found = i;
  for (int i = 0; make && i < MAX_SESSIONS && found < 0; i++)
    if (!under_way[i].is_open) found = i;
  if (found >= 0 && make) {
    under_way[found].is_open = 1;
    under_way[found].session = session;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

static int read_beside(const char *suffix, char *text) {
  char path[1100];
  snprintf(path, sizeof path, "%s.%s", self, suffix);
  int file = open(path, O_RDONLY);
  ssize_t length = file < 0 ? -1 : read(file, text, MAX_TEXT - 1);
  if (file >= 0) close(file);
  text[length < 0 ? 0 : length] = 0;
  return length > 0;
}

/* The script's word for a function; empty where it has none. */
static void scripted(const char *function, char *what) {
  char text[MAX_TEXT], *rest = NULL;
  what[0] = 0;
  if (!read_beside("script", text)) return;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char name[64], word[64];
    if (sscanf(line, "%63s %63s", name, word) == 2 && strcmp(name, function) == 0) strcpy(what, word);
  }
}

static void note(const char *function) {
  char path[1100], line[80];
  snprintf(path, sizeof path, "%s.log", self);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  int length = snprintf(line, sizeof line, "%s\n", function);
  if (file < 0) return;
  if (write(file, line, length) < 0) perror("log");
  close(file);
}

/* Whether this is the first time that a script's `once` is met. */
static int is_first(const char *function) {
  static char spent[MAX_TEXT];
  pthread_mutex_lock(&lock);
  int first = strstr(spent, function) == NULL && strlen(spent) + 64 < sizeof spent;
  if (first) strcat(strcat(spent, function), ";");
  pthread_mutex_unlock(&lock);
  return first;
}

/* Notes the call; a return value where the script has one, else CKR_OK. */
static CK_RV meddle(const char *function) {
  char what[64];
  note(function);
  scripted(function, what);
  if (strncmp(what, "once:", 5) == 0) return is_first(function) ? strtoul(what + 5, NULL, 16) : CKR_OK;
  while (strcmp(what, "hang") == 0) pause();
  return strncmp(what, "0x", 2) == 0 ? strtoul(what, NULL, 16) : CKR_OK;
}

#define MEDDLE(function)                        \
  do {                                          \
    CK_RV scripted_value = meddle(function);    \
    if (scripted_value != CKR_OK) return scripted_value; \
  } while (0)

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count) {
  char what[64];
  MEDDLE("C_GetSlotList");
  scripted("C_GetSlotList", what);
  if (strcmp(what, "none") != 0) return real->C_GetSlotList(present, list, count);
  *count = 0;
  return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  char what[64];
  MEDDLE("C_GetTokenInfo");
  scripted("C_GetTokenInfo", what);
  CK_RV value = real->C_GetTokenInfo(slot, info);
  if (strcmp(what, "last-try") == 0) info->flags |= CKF_USER_PIN_FINAL_TRY;
  return value;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  MEDDLE("C_OpenSession");
  return real->C_OpenSession(slot, flags, app, notify, session);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  MEDDLE("C_Login");
  return real->C_Login(session, user, pin, length);
}

static CK_RV encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  MEDDLE("C_EncryptInit");
  char what[64];
  scripted("gcm", what);
  int prefix = strcmp(what, "prefix") == 0 && mechanism->mechanism == CKM_PREFIX_GCM;
  int suffix = strcmp(what, "suffix") == 0 && mechanism->mechanism == CKM_AES_GCM;
  if (!prefix && !suffix) return real->C_EncryptInit(session, mechanism, key);
  CK_GCM_PARAMS params = *(CK_GCM_PARAMS *)mechanism->pParameter;
  if (params.ulIvLen != 0 || params.pIv != NULL) return CKR_MECHANISM_PARAM_INVALID;
  int at = slot_of(session, 1);
  if (at < 0) return CKR_SESSION_COUNT;
  under_way[at].iv_length = prefix ? PREFIX_IV : SUFFIX_IV;
  if (getrandom(under_way[at].iv, under_way[at].iv_length, 0) < 0) return CKR_FUNCTION_FAILED;
  params.pIv = under_way[at].iv;
  params.ulIvLen = under_way[at].iv_length;
  params.ulIvBits = under_way[at].iv_length * 8;
  CK_MECHANISM inner = {CKM_AES_GCM, &params, sizeof params};
  CK_RV value = real->C_EncryptInit(session, &inner, key);
  if (value != CKR_OK) under_way[at].is_open = 0;
  return value;
}

static CK_RV encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR out_length) {
  MEDDLE("C_Encrypt");
  int at = slot_of(session, 0);
  if (at < 0) return real->C_Encrypt(session, data, length, out, out_length);
  CK_ULONG iv_length = under_way[at].iv_length, inner = *out_length - iv_length;
  int prefix = iv_length == PREFIX_IV;
  CK_RV value = real->C_Encrypt(session, data, length, out + (prefix ? iv_length : 0), &inner);
  memcpy(out + (prefix ? 0 : inner), under_way[at].iv, iv_length);
  *out_length = inner + iv_length;
  under_way[at].is_open = 0;
  return value;
}

/* With the IV before the ciphertext the parameters are complete only when the data comes. */
static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  MEDDLE("C_DecryptInit");
  char what[64];
  scripted("gcm", what);
  if (strcmp(what, "prefix") != 0 || mechanism->mechanism != CKM_PREFIX_GCM) return real->C_DecryptInit(session, mechanism, key);
  CK_GCM_PARAMS params = *(CK_GCM_PARAMS *)mechanism->pParameter;
  if (params.ulIvLen != 0 || params.pIv != NULL || params.ulAADLen > MAX_TEXT) return CKR_MECHANISM_PARAM_INVALID;
  int at = slot_of(session, 1);
  if (at < 0) return CKR_SESSION_COUNT;
  if (params.ulAADLen > 0) memcpy(under_way[at].aad, params.pAAD, params.ulAADLen);
  under_way[at].params = params;
  under_way[at].key = key;
  return CKR_OK;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR out_length) {
  MEDDLE("C_Decrypt");
  int at = slot_of(session, 0);
  if (at < 0) return real->C_Decrypt(session, data, length, out, out_length);
  if (length < PREFIX_IV + TAG) {
    under_way[at].is_open = 0;
    return CKR_ENCRYPTED_DATA_LEN_RANGE;
  }
  CK_GCM_PARAMS params = under_way[at].params;
  params.pIv = data;
  params.ulIvLen = PREFIX_IV;
  params.ulIvBits = PREFIX_IV * 8;
  params.pAAD = under_way[at].aad;
  CK_MECHANISM inner = {CKM_AES_GCM, &params, sizeof params};
  CK_RV value = real->C_DecryptInit(session, &inner, under_way[at].key);
  if (value == CKR_OK) value = real->C_Decrypt(session, data + PREFIX_IV, length - PREFIX_IV, out, out_length);
  under_way[at].is_open = 0;
  return value;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key,
                      CK_BYTE_PTR out, CK_ULONG_PTR length) {
  MEDDLE("C_WrapKey");
  return real->C_WrapKey(session, mechanism, by, key, out, length);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped,
                        CK_ULONG length, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  MEDDLE("C_UnwrapKey");
  return real->C_UnwrapKey(session, mechanism, by, wrapped, length, template, count, key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  Dl_info place;
  char path[MAX_TEXT];
  if (!dladdr((void *)C_GetFunctionList, &place)) return CKR_GENERAL_ERROR;
  snprintf(self, sizeof self, "%s", place.dli_fname);
  if (!read_beside("module", path)) return CKR_GENERAL_ERROR;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CK_C_GetFunctionList behind = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
  if (!behind) return CKR_GENERAL_ERROR;
  CK_RV value = behind(&real);
  if (value != CKR_OK) return value;
  ours = *real;
  ours.C_GetSlotList = get_slot_list;
  ours.C_GetTokenInfo = get_token_info;
  ours.C_OpenSession = open_session;
  ours.C_Login = login;
  ours.C_EncryptInit = encrypt_init;
  ours.C_Encrypt = encrypt;
  ours.C_DecryptInit = decrypt_init;
  ours.C_Decrypt = decrypt;
  ours.C_WrapKey = wrap_key;
  ours.C_UnwrapKey = unwrap_key;
  *list = &ours;
  return CKR_OK;
}
