import { syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'
import workerThreads, { type Worker, type WorkerOptions } from 'node:worker_threads'
import { disguise } from '../src/boundary/node/disguise.js'
import type { WorkerStart } from '../src/boundary/node/head.js'
import type { Seed } from '../src/boundary/node/seed.js'
import { injectOptions, type Orders } from './injection.js'
import { type TreeNode, toCommandLine } from './tree.js'

/** Under this key a new worker finds its orders among the environment data of its parent, whatever its `env` is. */
const ORDERS_KEY = 'retroscope.orders.v1'

/** Of this file, on the stack below the real constructor. */
const OWN_FRAMES = 3

/** Reads the orders and takes every trace of them out of the worker's view. @returns undefined in a thread that Node
 *  started for itself, such as that of module hooks */
export function takeWorkerOrders(preload: string): Orders | undefined {
  const orders = workerThreads.getEnvironmentData(ORDERS_KEY) as unknown as Orders | undefined
  workerThreads.setEnvironmentData(ORDERS_KEY, undefined)
  const { execArgv } = process
  if (execArgv[0] === '-r' && execArgv[1] === preload) execArgv.splice(0, 2)
  return orders
}

/** Puts the preload into every worker that this thread starts and logs its life. @returns a function that undoes it */
export function watchWorkers(node: TreeNode): () => void {
  const original = workerThreads.Worker
  // No proxy: for its stacks the engine takes the name of a class from the text of a function alone. It is the key's, which
  // no minifier changes.
  const named = {
    Worker: function (this: unknown, ...args: unknown[]): unknown {
      const type: unknown = new.target
      if (!type) return Reflect.apply(original, this, args)
      const target = (type === watched ? original : type) as Function
      return startWorker(node, args as WorkerArguments, (given) => Reflect.construct(original, given, target) as Worker)
    },
  }
  const watched = named.Worker as unknown as typeof Worker
  Object.setPrototypeOf(watched, Object.getPrototypeOf(original) as object)
  Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original))
  install(disguise(watched, original))
  return () => install(original)

  function install(value: typeof Worker): void {
    workerThreads.Worker = value
    // `new worker.constructor(…)` is a way to start one, too.
    value.prototype.constructor = value
    syncBuiltinESMExports()
  }
}

type WorkerArguments = [string | URL, WorkerOptions?]

function startWorker(node: TreeNode, args: WorkerArguments, construct: (args: unknown[]) => Worker): Worker {
  const path = node.nextPath()
  const { preload, ...shared } = node.injection
  const { seed } = node
  const orders: Orders = {
    ...shared,
    thread: path,
    ...(seed !== undefined && { worker: toStart(args[0], args[1], seed) }),
  }
  workerThreads.setEnvironmentData(ORDERS_KEY, orders as never)
  let worker: Worker
  const limit = Error.stackTraceLimit
  try {
    // An error of the constructor's shows as many frames of the program as it would without ours.
    if (typeof limit === 'number') Error.stackTraceLimit = limit + OWN_FRAMES
    worker = construct([args[0], toOptions(args[1], preload), ...args.slice(2)])
  } finally {
    Error.stackTraceLimit = limit
    workerThreads.setEnvironmentData(ORDERS_KEY, undefined)
  }
  node.setPeer(worker, path)
  const command = args[1]?.eval ? '[worker source]' : toCommandLine(node.redact([String(args[0])]))
  node.log({ op: 'child', path, type: 'worker', command })
  watchExit(worker, (code) => {
    if (!node.wasClaimed(path)) {
      node.log({ op: 'child', path, type: 'worker', command, unrecorded: 'it ended without having run the preload' })
    }
    node.log({ op: 'childExit', path, code })
  })
  return worker
}

interface WorkerHandle {
  onexit: ((...args: unknown[]) => unknown) | null
}

/** Node takes its callback from the handle when the worker's last messages are in and no listener has been told. A listener
 *  of ours would be seen by the program. An error is logged by the worker itself. */
function watchExit(worker: Worker, onExit: (code: number) => void): void {
  const key = Object.getOwnPropertySymbols(worker).find(({ description }) => description === 'kHandle')
  const handle = key && (worker as unknown as Record<symbol, WorkerHandle>)[key]
  const original = handle?.onexit
  if (!handle || !original) return void worker.prependOnceListener('exit', onExit)
  let exitCode = 0
  const onexit = (code: number, ...more: unknown[]): unknown => {
    exitCode = code
    return Reflect.apply(original, handle, [code, ...more])
  }
  Object.defineProperty(handle, 'onexit', {
    get: () => onexit,
    set(value: WorkerHandle['onexit']) {
      Object.defineProperty(handle, 'onexit', { value, writable: true, enumerable: true, configurable: true })
      onExit(exitCode)
    },
    enumerable: true,
    configurable: true,
  })
}

function toStart(file: string | URL, options: WorkerOptions = {}, seed: Seed): WorkerStart {
  const { eval: text, argv = [], execArgv, stdin } = options
  const kind = text ? 'text' : typeof file === 'string' ? 'path' : 'url'
  return {
    file: kind === 'path' ? resolve(String(file)) : String(file),
    kind,
    argv: [...argv].map(String),
    execArgv: execArgv && [...execArgv],
    stdin: Boolean(stdin),
    seed: seed.value,
    ...(seed.isGiven && { seedIsGiven: true }),
  }
}

/** A worker inherits the preload with its parent's options, except where the program sets `env` or `execArgv`. */
function toOptions(options: WorkerOptions | undefined, preload: string): WorkerOptions | undefined {
  if (typeof options !== 'object' || options === null) return options
  const { env, execArgv } = options
  const own = typeof env === 'object' && env !== null
  if (!own && !Array.isArray(execArgv)) return options
  // Inherits whatever else stands in the program's object, getters and all.
  const injected = Object.create(options) as WorkerOptions
  if (own) define(injected, 'env', { ...env, NODE_OPTIONS: injectOptions(toText(env), preload) })
  else define(injected, 'execArgv', ['-r', preload, ...(execArgv as string[])])
  return injected
}

function toText(env: object): string | undefined {
  const { NODE_OPTIONS: options } = env as NodeJS.ProcessEnv
  return options === undefined ? undefined : String(options)
}

function define(options: WorkerOptions, name: keyof WorkerOptions, value: unknown): void {
  Object.defineProperty(options, name, { value, enumerable: true, writable: true, configurable: true })
}
