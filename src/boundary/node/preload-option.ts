/** An environment under which Node loads that file before its first line, in front of what NODE_OPTIONS says already. */
export function injectPreload(env: Readonly<Record<string, string>>, preload: string): Record<string, string> {
  const own = `-r "${preload.replace(/[\\"]/g, '\\$&')}"`
  const { NODE_OPTIONS: options } = env
  return { ...env, NODE_OPTIONS: options === undefined ? own : `${own} ${options}` }
}
