import { patchMethod, type Undo } from '../scope/patch.js'

/** Where Node's EventTarget hands one message or event to all its listeners, of every style and however they were added
 *  (lib/internal/event_target.js; global symbol since Node 14). */
const HYBRID_DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch')

/** `around` gets each dispatch once, before any listener, and runs it by calling `run`. `event` is undefined where Node
 *  has only the bare value yet. A foreign EventTarget is met at `dispatchEvent`. */
export function patchDispatch(
  target: object,
  around: (type: string, value: unknown, event: Event | undefined, run: () => unknown) => unknown,
): Undo {
  if (typeof Reflect.get(target, HYBRID_DISPATCH) === 'function') {
    return patchMethod(target, HYBRID_DISPATCH, (dispatch) => {
      return function (this: unknown, ...args: unknown[]) {
        const [value, type, event] = args as [unknown, string, Event | undefined]
        return around(type, value, event, () => Reflect.apply(dispatch, this, args))
      }
    })
  }
  return patchMethod(target, 'dispatchEvent', (dispatch) => {
    return function (this: unknown, ...args: unknown[]) {
      const event = args[0] as Event
      return around(event?.type, event, event, () => Reflect.apply(dispatch, this, args))
    }
  })
}
