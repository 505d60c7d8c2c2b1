import { Command } from 'commander'
import { type VerifyReport, verifyRecording } from '../../../../src/log/verify.js'
import { toCount, toSize } from '../../../durations.js'
import { EXIT } from '../exit-codes.js'
import { flush, print, printJson } from '../output.js'
import { paint, toSafeLine } from '../terminal.js'

export function defineVerify(): Command {
  return new Command('verify')
    .description('Reads every byte of a recording and checks it. Exits with 1 when something is damaged.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope verify checkout.retro')
    .action(async (path: string, { json }: { json?: true }) => {
      const report = await verifyRecording(path)
      if (report.damage.length > 0) process.exitCode = EXIT.failed
      if (json) await printJson({ ok: report.damage.length === 0, ...report, format: report.format.format })
      else await printReport(report)
      await flush()
    })
}

async function printReport({ bytes, values, damage }: VerifyReport): Promise<void> {
  const read = `${toSize(bytes)} read, ${toCount(values)} values checked`
  if (damage.length === 0) {
    await print(`${paint('green', 'whole')}: ${read}, nothing is damaged`)
    return
  }
  await print(`${paint('red', 'damaged')} in ${damage.length === 1 ? 'one place' : `${damage.length} places`}: ${read}`)
  for (const { file, range, what } of damage) {
    const where = range ? ` bytes ${range.from} to ${range.to}` : ''
    await print(toSafeLine(`  ${file || 'the packed file'}${where}: ${what}`))
  }
  await print('What is not damaged can be asked all the same; answers name what they miss.')
}
