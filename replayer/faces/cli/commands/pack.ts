import { Command } from 'commander'
import { toSize } from '../../../durations.js'
import { packRecording, unpackRecording } from '../../../packing.js'
import { flush, print, printJson } from '../output.js'
import { Spinner } from '../progress.js'
import { toSafeLine } from '../terminal.js'

interface Options {
  readonly output?: string
  readonly json?: true
}

export function definePack(): Command {
  return new Command('pack')
    .description('Packs a recording directory into one file to attach. The directory stays.')
    .argument('<recording>', 'a directory NAME.retro')
    .option('-o, --output <file>', 'where to (default: NAME.packed.retro beside it)')
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope pack checkout.retro -o checkout-bug.retro')
    .action(async (path: string, { output, json }: Options) => {
      const spinner = new Spinner('packing')
      try {
        const target = output ?? `${toStem(path)}.packed.retro`
        const packed = await packRecording(path, target, (values) => spinner.update(`${values} values`))
        spinner.end()
        await report(json, packed, `packed into ${target}, ${toSize(packed.bytes)}`)
      } finally {
        spinner.end()
      }
    })
}

export function defineUnpack(): Command {
  return new Command('unpack')
    .description('Turns a packed recording back into a directory. The file stays.')
    .argument('<file>', 'a packed file NAME.retro')
    .option('-o, --output <directory>', 'where to (default: NAME.unpacked.retro beside it)')
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope unpack checkout-bug.retro -o checkout.retro')
    .action(async (path: string, { output, json }: Options) => {
      const target = output ?? `${toStem(path).replace(/\.packed$/, '')}.unpacked.retro`
      const unpacked = await unpackRecording(path, target)
      await report(json, unpacked, `unpacked into ${target}`)
    })
}

function toStem(path: string): string {
  return path.replace(/\/+$/, '').replace(/\.retro$/, '')
}

async function report(json: true | undefined, packed: { readonly path: string; readonly bytes: number }, text: string) {
  await (json ? printJson({ ok: true, ...packed }) : print(toSafeLine(text)))
  await flush()
}
