// An HTTP JSON route of Express: says its port, ends with its CPU in µs when it is asked for /end.
const express = require('express')

const app = express()
app.use(express.json())
app.post('/orders', (request, response) => response.json({ ...request.body, total: request.body.quantity * 24.9 }))
app.get('/end', (_request, response) => {
  const { user, system } = process.cpuUsage()
  response.json({ cpuUs: user + system })
  server.close()
  server.closeAllConnections()
})
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
