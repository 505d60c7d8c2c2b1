import type { Handle, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import type { Numbering } from './numbering.js'
import { argueAll, type CallPlan, recordCall, replace, replayCall } from './synchronous.js'

interface Exchange extends Handle {
  getPrime: Native
  getPublicKey: Native
  getPrivateKey: Native
  setPublicKey: Native
  setPrivateKey: Native
}

type ExchangeClass = (new (...args: unknown[]) => Exchange) & { readonly prototype: Holder }

/** Which argument of `publicEncrypt` is a passphrase: it is kept out of the tape. */
const PASSPHRASE = 3

/** Where `export` of a key is told to encrypt it. */
const CIPHER = 2

/** What the tape has of calls in which chance has a part and that answer at once. */
function toPlans(numbering: Numbering): Record<'sign' | 'update' | 'encrypt' | 'curve' | 'exchange', CallPlan> {
  const argueSelf: CallPlan['argue'] = (tape, args, self) => {
    tape.argument(numbering.of(self as object))
    if (args.length < PASSPHRASE) argueAll(tape, args)
  }
  return {
    sign: { argue: argueSelf },
    update: { argue: argueSelf },
    encrypt: {
      argue(tape, args) {
        for (let index = 0; index < args.length; index++) if (index !== PASSPHRASE) tape.argument(args[index])
      },
    },
    curve: {
      argue: argueSelf,
      save: (tape, _, __, self) => tape.value(Reflect.apply((self as Exchange).getPrivateKey, self, [])),
      // The public key follows from it.
      load: (tape, _, self) => Reflect.apply((self as Exchange).setPrivateKey, self, [tape.value()]),
    },
    exchange: {
      argue: argueSelf,
      save(tape, _, __, self) {
        const { getPublicKey, getPrivateKey } = self as Exchange
        tape.value(Reflect.apply(getPrivateKey, self, []))
        tape.value(Reflect.apply(getPublicKey, self, []))
      },
      load(tape, _, self) {
        const { setPublicKey, setPrivateKey } = self as Exchange
        const secret = tape.value()
        const open = tape.value()
        Reflect.apply(setPrivateKey, self, [secret])
        Reflect.apply(setPublicKey, self, [open])
      },
    },
  }
}

type Patch = (holder: Holder, name: string, label: string, plan: CallPlan) => void

function install(crypto: Holder, numbering: Numbering, patch: Patch): void {
  const plans = toPlans(numbering)
  const prototypeOf = (name: string): Holder => (crypto[name] as { prototype: Holder }).prototype
  patch(prototypeOf('Sign'), 'update', 'crypto.Sign.update', plans.update)
  patch(prototypeOf('Sign'), 'sign', 'crypto.Sign.sign', plans.sign)
  patch(crypto, 'publicEncrypt', 'crypto.publicEncrypt', plans.encrypt)
  patch(prototypeOf('ECDH'), 'generateKeys', 'crypto.ECDH.generateKeys', plans.curve)
  for (const name of ['DiffieHellman', 'DiffieHellmanGroup']) {
    patch(prototypeOf(name), 'generateKeys', `crypto.${name}.generateKeys`, plans.exchange)
  }
}

/** A key that is encrypted as it is exported comes out otherwise each time. */
function replaceExport(crypto: Holder, answer: (original: Native) => Native): void {
  const { prototype } = crypto['KeyObjectHandle'] as { prototype: Holder }
  const original = prototype['export'] as Native
  const encrypted = answer(original)
  replace(prototype, 'export', function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    return Reflect.apply(typeof args[CIPHER] === 'string' ? encrypted : original, this, args)
  })
}

const EXPORT = 'crypto.KeyObject.export'
const EXPORT_PLAN: CallPlan = { argue: (tape, args) => tape.argument(args[CIPHER]) }

export function record({ internals, tape, numbering }: RecordTools): void {
  const crypto = internals.binding('crypto')
  install(crypto, numbering, (holder, name, label, plan) => recordCall(tape, holder, name, label, plan))
  replaceExport(crypto, (original) => {
    const holder = { export: original }
    recordCall(tape, holder, 'export', EXPORT, EXPORT_PLAN)
    return holder.export
  })
  const code = tape.code('crypto.DiffieHellman')
  const Real = crypto['DiffieHellman'] as ExchangeClass
  crypto['DiffieHellman'] = class DiffieHellman extends Real {
    constructor(sizeOrPrime: unknown, generator: unknown, ...rest: unknown[]) {
      super(sizeOrPrime, generator, ...rest)
      if (typeof sizeOrPrime !== 'number') return
      tape.begin(code)
      argueAll(tape, [sizeOrPrime, generator])
      tape.result()
      tape.value(this.getPrime())
      tape.end()
    }
  }
}

export function replay({ internals, tape, numbering }: ReplayTools): void {
  const crypto = internals.binding('crypto')
  install(crypto, numbering, (holder, name, label, plan) => replayCall(tape, holder, name, label, plan))
  replaceExport(crypto, (original) => {
    const holder = { export: original }
    replayCall(tape, holder, 'export', EXPORT, EXPORT_PLAN)
    return holder.export
  })
  const code = tape.code('crypto.DiffieHellman')
  const Real = crypto['DiffieHellman'] as ExchangeClass
  crypto['DiffieHellman'] = class DiffieHellman extends Real {
    constructor(sizeOrPrime: unknown, generator: unknown, ...rest: unknown[]) {
      super(typeof sizeOrPrime === 'number' ? loadPrime(sizeOrPrime, generator) : sizeOrPrime, generator, ...rest)
    }
  }

  function loadPrime(size: number, generator: unknown): unknown {
    tape.begin(code)
    argueAll(tape, [size, generator])
    tape.result()
    const prime = tape.value()
    tape.end()
    return prime
  }
}
