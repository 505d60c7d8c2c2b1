import t from 'tap'
import { testExact } from './exact.js'

testExact(t, 'blobs that stand for files, their parts, streams and failures', {
  file: 'blobs.mjs',
  text: `
    import fs from 'node:fs'
    fs.writeFileSync('text', 'some text ' + Math.random() + 'x'.repeat(200_000))
    const blob = await fs.openAsBlob('text', { type: 'text/plain' })
    console.log(blob.size, blob.type, (await blob.text()).slice(0, 30))
    const part = blob.slice(5, 25)
    console.log(part.size, await part.text(), (await part.arrayBuffer()).byteLength)
    let [pieces, bytes] = [0, 0]
    for await (const piece of blob.stream()) [pieces, bytes] = [pieces + 1, bytes + piece.length]
    console.log(pieces, bytes)
    const all = await Promise.all([blob.text(), part.text(), new Response(blob).text()])
    console.log(all.map((one) => one.length))
    fs.writeFileSync('text', 'changed meanwhile')
    await blob.text().catch((error) => console.log(error.name, error.message))
    try { await fs.openAsBlob('nowhere').then(console.log) } catch (error) { console.log(error.name, error.message) }
    try { fs.openAsBlob(5) } catch (error) { console.log(error.name, error.message) }`,
})
