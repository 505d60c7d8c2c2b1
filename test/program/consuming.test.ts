/** Servers whose connections Node's own parser reads natively, where nobody records. */
import t from 'tap'
import { run } from '../helpers/command.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** One connection after another writes what a case says, in the pieces that it says. */
const SERVER = `
  const http = require('http')
  const net = require('net')
  const { once } = require('events')
  const show = (...words) => console.log(...words)
  const server = http.createServer((request, response) => {
    const parts = []
    show('request', request.method, request.url, request.socket.bytesRead > 0)
    if (request.url === '/raw') request.socket.on('data', (bytes) => show('raw', String(bytes)))
    request.on('data', (part) => { parts.push(part); process.nextTick(show, 'tick', part.length) })
    request.on('end', () => {
      show('body', String(Buffer.concat(parts)).length)
      response.end('answer to ' + request.url)
    })
    if (request.url === '/slow') { request.pause(); setTimeout(() => request.resume(), 5) }
  })
  server.on('clientError', (error, socket) => { show('error', error.code, error.rawPacket?.length); socket.end('HTTP/1.1 400 No\\r\\n\\r\\n') })
  server.on('upgrade', (request, socket, head) => {
    show('upgrade', request.url, String(head))
    socket.write('HTTP/1.1 101 Switching\\r\\n\\r\\n')
    socket.on('data', (bytes) => { show('upgraded', String(bytes)); socket.end('bye') })
  })
  server.on('connect', (request, socket, head) => { show('connect', request.url, String(head)); socket.end() })
  const post = (path, body) => 'POST ' + path + ' HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body
  const get = (path) => 'GET ' + path + ' HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n'
  const CASES = {
    plain: [get('/a')],
    pipelined: [get('/a') + post('/b', 'two') + get('/c')],
    pieces: [post('/pieces', 'x'.repeat(10)).slice(0, 70), 'yyyyy'],
    large: [post('/large', 'z'.repeat(200_000))],
    slow: [post('/slow', 's'.repeat(100_000))],
    wrong: [get('/a'), 'NOT HTTP AT ALL\\r\\n\\r\\n'],
    raw: [post('/raw', 'abc') + get('/after')],
    upgrade: ['GET /up HTTP/1.1\\r\\nconnection: upgrade\\r\\nupgrade: x\\r\\n\\r\\nhead', 'more'],
    connect: ['CONNECT y:1 HTTP/1.1\\r\\nhost: y\\r\\n\\r\\nfirst'],
    cut: [post('/cut', 'half').slice(0, -2), undefined],
  }
  // An end that comes before the parser has read the rest would be an error.
  const LAST = { plain: '/a', pipelined: '/c', large: '/large', slow: '/slow' }
  server.listen(0, '127.0.0.1', async () => {
    for (const [name, pieces] of Object.entries(CASES)) {
      const socket = net.connect(server.address().port, '127.0.0.1')
      let answer = ''
      socket.on('data', (bytes) => { answer += bytes })
      socket.on('error', (error) => show('client', error.code))
      await once(socket, 'connect')
      for (const piece of pieces) {
        if (piece === undefined) socket.destroy()
        else socket.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 15))
      }
      while (name in LAST && !answer.includes('answer to ' + LAST[name])) await once(socket, 'data')
      if (!socket.destroyed) { socket.end(); await once(socket, 'close') }
      show(name, answer.replace(/Date: .*/g, 'Date'))
    }
    server.close()
    server.closeAllConnections()
  })`

t.test('[B12] what a server is sent reaches its parser in the same pieces', async (t) => {
  const dir = t.testdir({ 'server.cjs': SERVER })
  const bare = await run([process.execPath, 'server.cjs'], { cwd: dir })
  const recorded = await recordInputs([process.execPath, 'server.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  t.match(recorded.stdout, /upgraded more/)
  t.same(toSorted(recorded.stdout), toSorted(bare.stdout), 'as without being recorded')
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact', code: 0 })
    t.equal(replayed.stdout, recorded.stdout)
  }
})

/** Without ticks: in how many pieces a long body comes is the network's affair. Sorted: where nobody records, what is
 *  pipelined has its ticks between one piece and the next. */
function toSorted(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('tick'))
    .sort()
}
