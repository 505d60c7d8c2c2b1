import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { redactWords } from '../../recorder/command-words.js'
import { Redaction } from '../../recorder/redaction.js'
import type { Patch } from '../../src/events.js'
import { applyPatch } from '../../src/json/patch.js'
import {
  isSecretName,
  isSecretVariable,
  MAY_HOLD_SECRET,
  SECRET_MARKS,
  SECRET_NAME_MARKS,
} from '../../src/redaction/secrets.js'
import { TextMarks } from '../../src/values/text-marks.js'
import { runProgram } from '../helpers/program.js'
import { isKind, readSpool } from '../helpers/spool.js'
import { toRandom } from '../values/hostile.js'

t.setTimeout(120_000)

/** Joined here, so that the text of this file, which a stack may show, holds none of them. */
const word = (...parts: string[]) => parts.join('')
const SECRETS = {
  password: word('correct-horse', '-battery'),
  nested: word('nested-secret', '-value-77'),
  bearer: word('abcdef0123456789', 'ABCDEFbearer'),
  basic: word('dXNlcjpwYXNz', 'd29yZDEyMw=='),
  cookie: word('session=', '0f9e8d7c6b5a'),
  jwt: word('eyJhbGciOiJIUzI1NiJ9.', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0.', 'dozjgNryP4J3jVmNHl0w5N'),
  pem: word('-----BEGIN RSA PRIVATE', ' KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE', ' KEY-----'),
  aws: word('AKIA', 'IOSFODNN7EXAMPLE'),
  github: word('ghp_', 'aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789'),
  url: word('pgpass', '-in-a-url'),
  environment: word('environment-', 'secret-4711'),
  path: word('by-path', '-only-8812'),
  pattern: word('CUST-', '00998877'),
  fn: word('4111', '1111', '1111', '1111'),
  key: word('as-a-', 'map-key-5512'),
  error: word('in-an-error', '-3390'),
}

t.test(
  '[R1] planted secrets are nowhere in the recording: keys, headers, paths, patterns, environment, errors',
  async (t) => {
    const out = join(t.testdir(), 'secrets.retro')
    const ran = await runProgram(
      `
    import { EventEmitter } from 'node:events';
    const s = JSON.parse(process.env.PLANTED); delete process.env.PLANTED;
    const scope = await setup({ out: ${JSON.stringify(out)}, redact: {
      keys: ['name'], paths: ['/customer/*/note', '/deep/**/iban'], patterns: [/CUST-(\\d+)/],
      fn: (text) => text.replace(/\\b\\d{16}\\b/, '[card]') } });
    const emitter = scope.channel('requests', new EventEmitter());
    emitter.on('request', () => {});
    emitter.emit('request', { user: { password: s.password, profile: { apiKey: s.nested, name: s.nested } },
      headers: { Authorization: 'Bearer ' + s.bearer, 'X-Other': 'Basic ' + s.basic, 'Set-Cookie': [s.cookie], cookie: s.cookie },
      text: 'see ' + s.jwt + ' and ' + s.aws + ' or ' + s.github, pem: s.pem, db: 'postgres://me:' + s.url + '@host/db',
      customer: [{ note: s.path }], deep: { er: { iban: s.path } }, customerNumber: s.pattern, card: 'card ' + s.fn,
      map: new Map([['password', s.password], [s.environment, 1]]), [s.jwt]: 1, [s.environment]: 2 });
    const state = scope.container('session', { token: '', customer: [{ note: '' }], users: [] });
    state.token = s.password;
    state.customer[0].note = s.path;
    state.customer.push({ note: s.path, secret: { inner: 1 } });
    state.customer[1].secret.inner = s.nested;
    state.users.push({ password: s.password, name: s.nested, headers: { authorization: s.bearer } });
    state.users[0].password = s.nested;
    state.users.unshift({ password: s.nested });
    state['x' + s.environment] = s.jwt;
    scope.mark('using ' + s.environment + ' and Bearer ' + s.bearer, { refresh_token: s.nested, env: s.environment });
    class Login { constructor() { this.pwd = s.password; this.name = s.nested } }
    scope.mark('instance', new Login());
    scope.mark('error', new Error('failed with password=' + s.error));
    throw Object.assign(new Error('token: ' + s.error + ' for ' + s.environment), { code: s.aws, cause: new Error(s.github) })`,
      {
        args: [SECRETS.environment, `--url=https://u:${SECRETS.url}@h/`],
        env: { PLANTED: JSON.stringify(SECRETS), MY_SERVICE_TOKEN: SECRETS.environment },
      },
    )
    t.equal(ran.code, 1, ran.stderr)
    const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    t.ok(files.length >= 2)
    for (const file of files) {
      const bytes = readFileSync(join(file.parentPath, file.name))
      for (const [name, secret] of Object.entries(SECRETS)) {
        for (const text of [secret, JSON.stringify(secret).slice(1, -1)]) {
          if (bytes.includes(text) || bytes.includes(Buffer.from(text, 'utf16le')))
            t.fail(`${name} stands in ${file.name}`)
        }
      }
    }
    const { events } = readSpool(out)
    const [send] = events.filter(isKind('message'))
    const payload = send?.body.payload as {
      user: { password: string; profile: { name: string } }
      headers: Record<string, unknown>
    }
    t.match(payload.user.password, /^\[redacted [0-9a-f]{12}\]$/)
    t.not(payload.user.password, payload.user.profile.name, 'other secrets have other tokens')
    const token = events.filter(isKind('state')).find(({ body }) => body.op === 'delta')!.body as { patch: Patch }
    t.match(
      token.patch,
      [{ op: 'replace', path: '/token', value: payload.user.password }],
      'equal secrets have equal tokens',
    )
    const spawn = events[0]!.body as unknown as { thread: { argv: string[] } }
    t.equal(spawn.thread.argv.at(-2)?.length, SECRETS.environment.length, 'a value of the environment keeps its length')
  },
)

t.test('[R2] a redacted delta leads to the redacted state', async (t) => {
  const redaction = new Redaction({ paths: ['/list/*/note'], keys: ['value'] })
  const hide = (state: unknown): unknown => {
    const seen = redaction.payload(state)
    return walk(seen)
  }
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [
        key,
        redaction.isSecretKey(key) ? redaction.token(field) : walk(field),
      ]),
    )
  }
  const before = {
    list: [{ note: 'a', n: 1 }],
    user: { password: 'p', value: 'v' },
    secret: { x: { y: 1 } },
    other: 'o',
  }
  const steps: readonly (readonly [Patch, unknown])[] = [
    [[{ op: 'replace', path: '/user/password', value: 'q' }], { ...before, user: { password: 'q', value: 'v' } }],
    [[{ op: 'replace', path: '/user/value', value: 'w' }], { ...before, user: { password: 'p', value: 'w' } }],
    [[{ op: 'replace', path: '/secret/x/y', value: 2 }], { ...before, secret: { x: { y: 2 } } }],
    [
      [{ op: 'add', path: '/list/0', value: { note: 'b', n: 2 } }],
      { ...before, list: [{ note: 'b', n: 2 }, ...before.list] },
    ],
    [[{ op: 'replace', path: '/list/0/note', value: 'c' }], { ...before, list: [{ note: 'c', n: 1 }] }],
    [[{ op: 'remove', path: '/user/password' }], { ...before, user: { value: 'v' } }],
    [[{ op: 'remove', path: '/secret/x' }], { ...before, secret: {} }],
    [
      [{ op: 'move', from: '/other', path: '/token' }],
      { list: before.list, user: before.user, secret: before.secret, token: 'o' },
    ],
    [[{ op: 'copy', from: '/other', path: '/secret/z' }], { ...before, secret: { x: { y: 1 }, z: 'o' } }],
    [[{ op: 'replace', path: '', value: { password: 'z' } }], { password: 'z' }],
  ]
  for (const [patch, after] of steps) {
    const stored = walkValues(redaction.patch(patch, after), walk)
    t.strictSame(applyPatch(hide(before), stored), hide(after), JSON.stringify(patch))
  }
})

/** What the encoder does with an operation's value. */
function walkValues(patch: Patch, walk: (value: unknown) => unknown): Patch {
  return patch.map((operation) => ('value' in operation ? { ...operation, value: walk(operation.value) } : operation))
}

t.test('[R2] what keeps its content outside of its fields is left whole', async (t) => {
  const kept = {
    url: new URL('https://shop.example/a?b'),
    weak: new WeakMap([[t, 1]]),
    boxed: Object(7),
    at: new Date(5),
  }
  const seen = new Redaction({ paths: ['/other/*'] }).payload({ ...kept, other: { n: 1 } }) as Record<string, unknown>
  for (const [name, value] of Object.entries(kept)) t.equal(seen[name], value, name)
  t.not((seen['other'] as { n: unknown }).n, 1)
})

t.test('[R3] names of secrets are known in any spelling, and harmless ones are left alone', async (t) => {
  const secret =
    'password Password DB_PASSWORD db-password dbPassword passwd apiKey x-api-key API_KEY accessToken refresh_token Authorization Set-Cookie cookie client_secret privateKey creditCardNumber ssn GITHUB_TOKEN'
  const harmless =
    'name id key tokens author passenger compass keyboard pinned monkey nextToken maxTokens secretary company total path value state'
  const marks = new TextMarks(SECRET_NAME_MARKS, 3)
  for (const name of secret.split(' ')) t.ok(isSecretName(name) && marks.mayBeIn(name), name)
  for (const name of harmless.split(' ')) t.notOk(isSecretName(name), name)
  for (const name of ['AWS_SECRET_ACCESS_KEY', 'NPM_TOKEN', 'PGPASSWORD', 'DATABASE_URL', 'STRIPE_KEY'])
    t.ok(isSecretVariable(name), name)
  for (const name of ['PATH', 'HOME', 'SSH_AUTH_SOCK', 'GIT_ASKPASS', 'KEYBOARD', 'SSL_KEY_FILE', 'TAP_CHILD_KEY'])
    t.notOk(isSecretVariable(name), name)
})

t.test('[R3] what rules texts out at one look rules out none that hold a secret', async (t) => {
  const environment = { NPM_TOKEN: 'q7Qz-ünïcode', DB_PASSWORD: '--------', MY_SECRET: '\u2603\u2603\u2603abcdefg' }
  const redaction = new Redaction({}, environment)
  const marks = redaction.marks!
  const spellings = (mark: string) => [mark, mark.toUpperCase(), mark.toLowerCase()]
  for (const mark of SECRET_MARKS.flatMap(spellings)) {
    for (const text of [`${mark}01234567`, `01234567${mark}`, `0123 ${mark} 4567`]) {
      t.ok(MAY_HOLD_SECRET.test(text) && marks.mayBeIn(text), text)
    }
  }
  for (const secret of [...Object.values(environment), redaction.key]) t.ok(marks.mayBeIn(`a ${secret} b`), secret)
  const random = toRandom(3)
  let asked = 0
  for (let n = 0; n < 20_000; n++) {
    const letters = Array.from({ length: 8 + random(20) }, () => 32 + random(95))
    const text = String.fromCharCode(...letters)
    if (marks.mayBeIn(text)) asked++
    else if (MAY_HOLD_SECRET.test(text)) t.fail(text)
  }
  t.ok(asked < 2_000, `${asked} of 20,000 had to be looked at properly`)
})

t.test('[R4] texts that are made to be slow are looked through in time', async (t) => {
  const redaction = new Redaction({})
  const begun = performance.now()
  for (const piece of [
    'eyJ-',
    'a.',
    'token ',
    'password=',
    'Bearer ',
    '-----BEGIN PRIVATE KEY-----',
    'x://',
    'sk-',
    ':@',
  ]) {
    redaction.text(piece.repeat(200_000 / piece.length))
  }
  t.ok(performance.now() - begun < 20_000, `${Math.round(performance.now() - begun)} ms`)
})

t.test('[R5] a function of the program that fails withholds the text, and cycles are followed once', async (t) => {
  const redaction = new Redaction({
    paths: ['/**/hidden'],
    fn: () => {
      throw new Error('no')
    },
  })
  t.match(redaction.text('anything'), /^\[redacted/)
  const cycle: Record<string, unknown> = { hidden: 'x', open: 1 }
  cycle['self'] = cycle
  const clean = redaction.payload(cycle) as { hidden: string; self: { self: unknown; hidden: string } }
  t.match(clean.hidden, /^\[redacted/)
  t.match(clean.self.hidden, /^\[redacted/)
  t.equal(cycle['hidden'], 'x', 'the program keeps its own')
})

t.test('[R6] a secret behind the end of a longer name is one: in texts, and in words of a command', async (t) => {
  const redaction = new Redaction()
  const value = word('hunter', '22x9')
  for (const name of ['DB_PASSWORD=', 'client_secret=', '"refresh_token":"', 'dbPassword: ', 'STRIPE_API_KEY=']) {
    t.notMatch(redaction.text(`a ${name}${value} b`), value, name)
  }
  for (const harmless of ['nextToken=abcdef12', 'page_token: abcdef12', 'max_tokens: 1000']) {
    t.equal(redaction.text(harmless), harmless)
  }
  for (const name of ['MONGO_URL', 'ENCRYPTION_KEY', 'PGPASSWORD', '--api-key']) {
    t.match(redactWords(['env', `${name}=${value}`, 'node'], redaction)[1], new RegExp(`^${name}=\\[redacted`))
  }
  t.strictSame(redactWords(['env', 'MODE=production'], redaction), ['env', 'MODE=production'])
})
