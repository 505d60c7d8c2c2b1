import { withOwnStack } from './stacks.js'

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
}

/** An error as it was recorded. @param stack its text, or how many of its frames are the program's own here, too */
export function reviveError(name: string, message: string, stack: string | number, own: object): Error {
  const type = ERRORS[name] ?? Error
  if (typeof stack === 'number')
    return Object.assign(
      withOwnStack(() => new type(message), stack),
      own,
    )
  const error = new type(message)
  Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false })
  return Object.assign(error, own)
}
