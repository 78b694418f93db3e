'use strict'
// A receiver on Fastify: ajv (built in) judges by a JSON schema, lines are appended in one write a delivery.
// WEB_CONCURRENCY processes; PRESENCE_FSYNC=true syncs before each answer.

const cluster = require('node:cluster')
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')

const sync = promisify(fs.fdatasync)
const orNull = (schema) => ({ ...schema, type: [].concat(schema.type, 'null') })
const mac = { type: 'string', pattern: '^[0-9A-Fa-f]{12}$' }
const text = orNull({ type: 'string' })
const isSynced = process.env.PRESENCE_FSYNC === 'true'

const observation = {
  type: 'object',
  required: ['clientMac'],
  properties: {
    clientMac: mac,
    ipv4: orNull({ type: 'string', format: 'ipv4' }),
    ipv6: orNull({ type: 'string', format: 'ipv6' }),
    seenTime: text,
    seenEpoch: { type: 'integer' },
    ssid: text,
    rssi: orNull({ type: 'integer', minimum: -128, maximum: 127 }),
    manufacturer: text,
    os: text,
    lat: orNull({ type: 'number', minimum: -90, maximum: 90 }),
    lng: orNull({ type: 'number', minimum: -180, maximum: 180 }),
    unc: orNull({ type: 'number', minimum: 0 }),
    x: orNull({ type: 'number' }),
    y: orNull({ type: 'number' })
  }
}

const body = {
  type: 'array',
  items: {
    type: 'object',
    required: ['apMac', 'observations'],
    properties: { apMac: mac, observations: { type: 'array', items: observation } }
  }
}

// The head of a line is written once a report; each observation's own text follows it.
function linesOf (reports, receivedAt) {
  let lines = ''
  for (const { ownerId, apMac, observations } of reports) {
    const head = JSON.stringify({ receivedAt, ownerId, apMac }).slice(0, -1) + ','
    for (const seen of observations) lines += head + JSON.stringify(seen).slice(1) + '\n'
  }
  return lines
}

function start () {
  const secret = Buffer.from(`Basic ${process.env.PRESENCE_SECRET}`)
  const file = fs.openSync(path.join(process.env.PRESENCE_DATA_DIR, 'presence.jsonl'), 'a', 0o640)
  const app = require('fastify')({
    bodyLimit: 16 * 1024 * 1024,
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } }
  })

  app.addHook('onRequest', async (request, reply) => {
    const shown = Buffer.from(request.headers.authorization || '')
    const isKnown = shown.length === secret.length && crypto.timingSafeEqual(shown, secret)
    if (!isKnown) return reply.code(401).send({ error: 'The secret is missing or wrong.' })
  })

  app.post('/presence', { schema: { body } }, async (request) => {
    const lines = linesOf(request.body, new Date().toISOString())
    fs.writeSync(file, lines) // into the page cache: cheaper than a hand-over to another thread
    if (isSynced) await sync(file)
    return { accepted: request.body.reduce((sum, report) => sum + report.observations.length, 0) }
  })

  app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
}

const processes = Number(process.env.WEB_CONCURRENCY || 1)
if (processes > 1 && cluster.isPrimary) {
  for (let i = 0; i < processes; i++) cluster.fork()
} else {
  start()
}
