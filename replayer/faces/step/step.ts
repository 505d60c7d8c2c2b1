import { isRetroscopeError } from '../../../src/errors.js'
import type { ProcessInfo } from '../../../src/log/reader.js'
import { type EventName, toEventMoment } from '../../event-names.js'
import type { MomentInput, ProcessInput, Recording } from '../../recording.js'
import { type Cursor, openCursor } from './cursor.js'
import type { Key } from './keys.js'
import { createModel, focusChange, type Model, toggleRow, toTree } from './model.js'
import { openTerminal } from './terminal.js'
import { toEventRows, toScreen } from './view.js'

export interface StepOptions {
  readonly title: string
  readonly container?: ProcessInput
  readonly at?: MomentInput
  readonly watch?: string
}

/** Runs the full-screen stepper until the reader leaves it. @throws USAGE when there is no terminal */
export async function runStepper(recording: Recording, options: StepOptions): Promise<void> {
  const cursor = openCursor(recording)
  const shown = options.container === undefined ? cursor.containers[0] : await recording.process(options.container)
  const start = await cursor.resolve(options.at ?? 'end')
  const position = await cursor.load(start, shown ?? null, process.stdout.rows || 24)
  const model = createModel(options.title, position, options.watch ?? null)
  focusChange(model)

  await new Promise<void>((resolve, reject) => {
    // Keys are handled one after the other, in the order in which they were pressed, however long a query takes.
    let queue = Promise.resolve()
    let open = true
    const draw = () => terminal.draw(toScreen(model, terminal))
    const finish = (error?: unknown) => {
      if (!open) return
      open = false
      terminal.close()
      if (error === undefined) resolve()
      else reject(error)
    }
    const terminal = openTerminal({
      onKey(key) {
        if (key === 'ctrl-c') return finish()
        queue = queue
          .then(async () => {
            if (!open) return
            if (await press(key, { model, cursor, rows: terminal.rows })) return finish()
            draw()
          })
          .catch(finish)
      },
      onResize: draw,
    })
    draw()
  })
}

interface Press {
  readonly model: Model
  readonly cursor: Cursor
  readonly rows: number
}

/** Handles one key. @returns true when the reader wants to leave */
async function press(key: Key, context: Press): Promise<boolean> {
  const { model } = context
  if (model.help) {
    model.help = false
    return false
  }
  try {
    if (model.prompt) await type(key, model)
    else if (key === 'q' || key === 'ctrl-d') return true
    else await command(key, context)
  } catch (error) {
    if (!isRetroscopeError(error)) throw error
    model.message = `${error.message} ${error.hint ?? ''}`
  }
  return false
}

async function type(key: Key, model: Model): Promise<void> {
  const prompt = model.prompt
  if (!prompt) return
  if (key === 'escape') model.prompt = null
  else if (key === 'enter') {
    model.prompt = null
    await prompt.submit(prompt.text.trim())
  } else if (key === 'backspace') model.prompt = { ...prompt, text: [...prompt.text].slice(0, -1).join('') }
  else if (key === 'ctrl-u') model.prompt = { ...prompt, text: '' }
  else if ([...key].length === 1) model.prompt = { ...prompt, text: prompt.text + key }
}

async function command(key: Key, context: Press): Promise<void> {
  const { model, cursor } = context
  const { first, end } = model.position
  model.message = ''
  switch (key) {
    case 'right':
    case 'l':
    case ' ':
      return moveBy(1, context)
    case 'left':
    case 'h':
      return moveBy(-1, context)
    case 'down':
    case 'up':
      return moveVertically(key === 'down' ? 1 : -1, context)
    case 'pagedown':
      return moveBy(10, context)
    case 'pageup':
      return moveBy(-10, context)
    case 'home':
      return go(first, context)
    case 'end':
      return go(end, context)
    case 'n':
    case 'N':
      return goToChange(key === 'n', context)
    case 'f':
    case 'F':
      return goToText(key === 'f', context)
    case 'c':
    case 'C':
      return turnContainer(key === 'c' ? 1 : -1, context)
    case 'tab':
    case 'backtab':
      model.focus = model.focus === 'events' ? 'tree' : 'events'
      return
    case 'enter':
      return model.focus === 'tree' ? toggleRow(model) : undefined
    case '?':
      model.help = true
      return
    case 'w':
      model.prompt = toWatchPrompt(model)
      return
    case 'g':
      model.prompt = {
        label: 'go to (812, @55, +3.2s, -2s, start, end, crash):',
        text: '',
        submit: async (text) => go(await cursor.resolve(text || 'end'), context),
      }
      return
    case '/':
      model.prompt = {
        label: 'search:',
        text: '',
        submit: async (text) => {
          model.search = text
          await goToText(true, context)
        },
      }
      return
  }
}

async function go(to: EventName, { model, cursor, rows }: Press): Promise<void> {
  model.position = await cursor.load(to, model.position.container, toEventRows(rows))
  focusChange(model)
}

async function moveBy(by: number, context: Press): Promise<void> {
  const { model, cursor } = context
  const at = toEventMoment(model.position.event)
  const to = await cursor.move(at, by)
  if (to === at) model.message = by < 0 ? 'This is the first event.' : 'This is the last event.'
  return go(to, context)
}

async function moveVertically(by: number, context: Press): Promise<void> {
  const { model } = context
  if (model.focus === 'events') return moveBy(by, context)
  model.row = Math.max(0, Math.min(model.row + by, toTree(model).length - 1))
}

async function goToChange(forwards: boolean, context: Press): Promise<void> {
  const { model, cursor } = context
  const { container, event } = model.position
  if (!container) {
    model.message = 'There is no container to watch.'
    return
  }
  const found = await cursor.findChange(toEventMoment(event), container, model.watch ?? '', forwards)
  if (found !== undefined) return go(found, context)
  const what = model.watch ? model.watch : container.name
  model.message = `No ${forwards ? 'later' : 'earlier'} change of ${what}.`
}

async function goToText(forwards: boolean, context: Press): Promise<void> {
  const { model, cursor } = context
  if (!model.search) {
    model.message = 'Nothing to search for; press / first.'
    return
  }
  const found = await cursor.findText(toEventMoment(model.position.event), model.search, forwards)
  if (found !== undefined) return go(found, context)
  model.message = `No ${forwards ? 'later' : 'earlier'} event with “${model.search}”.`
}

async function turnContainer(by: number, context: Press): Promise<void> {
  const { model, cursor } = context
  const { containers } = cursor
  const at = containers.findIndex(({ pid }) => pid === model.position.container?.pid)
  const next: ProcessInfo | undefined = containers.at((at + by + containers.length) % Math.max(1, containers.length))
  if (!next) return
  model.opened.clear()
  model.closed.clear()
  model.row = 0
  model.watch = null
  model.position = await cursor.load(toEventMoment(model.position.event), next, toEventRows(context.rows))
  focusChange(model)
}

function toWatchPrompt(model: Model) {
  const row = model.focus === 'tree' ? toTree(model)[model.row] : undefined
  return {
    label: 'watch pointer (such as /stock/lamp; empty: everything):',
    text: row?.pointer ?? model.watch ?? '',
    submit: async (text: string) => {
      if (text !== '' && !text.startsWith('/')) {
        model.message = `A pointer starts with a slash: /${text}`
        return
      }
      model.watch = text
      model.message = `Watching ${text || 'the whole state'}: n goes to its next change, N to the previous one.`
    },
  }
}
