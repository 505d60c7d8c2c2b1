import { AddonRecorder } from './addon-recorder.js'
import { AddonReplayer } from './addon-replayer.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { replace } from './synchronous.js'

/** Puts what stands for its exports onto a binding of Node's own that is like an addon. */
export type TakeBinding = (name: string, binding: Holder) => void

/** Native addons: what they export is wrapped, whatever its shape. They are not loaded in a replay. */
export function record(tools: RecordTools): TakeBinding {
  const addons = new AddonRecorder(tools)
  const original = process.dlopen as unknown as Native
  replace(process, 'dlopen', function (this: unknown, module: { exports: unknown }, file: string): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    if (tools.tape.bypass) return Reflect.apply(original, this, args)
    return addons.open(file, module, () => Reflect.apply(original, this, args))
  })
  return (name, binding) => {
    const module = { exports: { ...binding } }
    addons.open(`node:${name}`, module, () => {})
    Object.assign(binding, module.exports)
  }
}

/** The same from the tape: things of the same shape, which answer as they did. */
export function replay(tools: ReplayTools): TakeBinding {
  const addons = new AddonReplayer(tools)
  replace(process, 'dlopen', (module: { exports: unknown }, file: string) => addons.open(module, file))
  return (name, binding) => {
    const module: { exports: object } = { exports: {} }
    addons.open(module, `node:${name}`)
    Object.assign(binding, module.exports)
  }
}
