/** Small buffers lie in one memory, where a program can see its own: it begins a new one, as in every run of the program.
 *  To be called last, when the tool has what it needs. */
export function startPool(): void {
  while (Buffer.allocUnsafe(1).byteOffset > 0);
}
