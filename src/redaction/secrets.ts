/** Names under which programs keep secrets, compared without case, dashes and underscores. */
const SECRET_NAMES = [
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'pass',
  'secret',
  'clientsecret',
  'secretkey',
  'sharedsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'authtoken',
  'bearertoken',
  'csrftoken',
  'xsrftoken',
  'sessiontoken',
  'apikey',
  'xapikey',
  'apitoken',
  'apisecret',
  'accesskey',
  'secretaccesskey',
  'awssecretaccesskey',
  'privatekey',
  'signingkey',
  'encryptionkey',
  'authorization',
  'proxyauthorization',
  'auth',
  'cookie',
  'setcookie',
  'credential',
  'credentials',
  'ssn',
  'socialsecuritynumber',
  'creditcard',
  'creditcardnumber',
  'cardnumber',
  'cvv',
  'cvc',
  'pin',
  'otp',
  'connectionstring',
] as const

const SECRETS: ReadonlySet<string> = new Set(SECRET_NAMES)

/** Ends of longer names: `dbPassword`, `GITHUB_TOKEN`, `stripe_api_key`. */
const SECRET_ENDING =
  /(?:password|passwd|passphrase|secret|token|apikey|accesskey|privatekey|secretkey|credentials?|authorization)$/

/** Names that end like a secret's and hold none, such as counters of language models and parsers. */
const HARMLESS =
  /^(?:next|previous|page|continuation|max|min|num|total|prompt|completion|input|output|current|cancel(?:lation)?)token$/

/** Part of every secret name: one look at a whole pointer instead of one at each of its segments. */
export const SECRET_NAME_MARKS: readonly string[] = [
  'pass',
  'pwd',
  'secret',
  'token',
  'key',
  'auth',
  'cookie',
  'credential',
  'ssn',
  'social',
  'card',
  'cvv',
  'cvc',
  'pin',
  'otp',
  'connection',
]

/** `dbPassword`, `DB_PASSWORD` and `db-password` are one name. */
export function toBareName(name: string): string {
  return name.replace(/[-_.\s]/g, '').toLowerCase()
}

/** Whether a property, header or field of that name is taken for a secret where the user says nothing. */
export function isSecretName(name: string): boolean {
  const bare = toBareName(name)
  return SECRETS.has(bare) || (SECRET_ENDING.test(bare) && !HARMLESS.test(bare))
}

const SECRET_VARIABLE =
  /pass(?:word|wd|phrase)?$|secret|token|credential|_key$|^key$|apikey|private|_auth$|^auth_|_pwd$|connection_?string|_dsn$|(?:database|redis|mongo\w*|postgres\w*|mysql|amqp)_ur[il]$|cookie|signature/i
/** `tap` draws a key of its own for each file that it runs, which that file writes to its stdout. */
const HARMLESS_VARIABLE = /askpass$|auth_sock$|_(?:path|file|dir|type|name|id)$|^retroscope_|^tap_child_key$/i

/** Whether an environment variable of that name holds a secret: `AWS_SECRET_ACCESS_KEY`, `NPM_TOKEN`, `PGPASSWORD`. */
export function isSecretVariable(name: string): boolean {
  return SECRET_VARIABLE.test(name) && !HARMLESS_VARIABLE.test(name)
}

/** Texts that are secrets wherever they stand. The first group, where there is one, is the part that is withheld. Each
 *  needs characters that `MAY_HOLD_SECRET` looks for, and none repeats without a bound: texts may be made to be slow. The
 *  last takes ends of longer names too (`DB_PASSWORD=`, `"refresh_token":`), but for those that hold no secret. */
export const SECRET_TEXTS: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:Bearer|bearer|BEARER) +([A-Za-z0-9\-._~+/]{8,4000}=*)/g,
  /\b(?:Basic|basic|BASIC) +([A-Za-z0-9+/]{8,4000}={0,2})/g,
  /\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{0,2000}/g,
  /\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b/g,
  /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})/g,
  /\bglpat-[A-Za-z0-9_-]{20,}/g,
  /\bnpm_[A-Za-z0-9]{30,}/g,
  /\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/g,
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  /\bxox[abposr]-[A-Za-z0-9-]{10,}/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/@]{0,200}:([^\s@/]{1,500})@/g,
  /(?:password|passwd|(?<![a-z0-9])pwd|secret|(?<!(?:next|previous|page|continuation|max|min|num|total|prompt|completion|input|output|current|cancel|cancellation)[-_]?)token|api[-_]?key|access[-_]?key|authorization)["']?\s{0,4}[=:]\s{0,4}["']?((?!Bearer|Basic|\[redacted)[^\s"'&;,]{4,})/gi,
]

/** One of these, in letters of either case, is in every text that an expression of `SECRET_TEXTS` finds something in. */
export const SECRET_MARKS: readonly string[] = [
  '-----BEGIN',
  'bearer ',
  'basic ',
  'eyJ',
  'AKIA',
  'ASIA',
  'AROA',
  'AIDA',
  'ghp_',
  'gho_',
  'ghu_',
  'ghs_',
  'ghr_',
  'github_pat_',
  'glpat-',
  'npm_',
  'sk_live_',
  'rk_live_',
  'sk_test_',
  'rk_test_',
  'sk-',
  'xox',
  'AIza',
  '://',
  'passw',
  'pwd',
  'secret',
  'token',
  'apikey',
  'api-key',
  'api_key',
  'accesskey',
  'access-key',
  'access_key',
  'authorization',
]

/** One look that rules out nearly every text: 0.1 µs where a pass of all patterns costs 2 µs. */
export const MAY_HOLD_SECRET = new RegExp(SECRET_MARKS.join('|'), 'i')
