// The usual media route of a Node application: check the session, look the row up, hand over to nginx.
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { jwtVerify } from 'jose';
import pg from 'pg';

const { JWT_KEY_FILE, DATABASE_SOCKET, LISTEN } = process.env;
const key = createSecretKey(readFileSync(JWT_KEY_FILE, 'utf8').trimEnd(), 'utf8');
const policy = { algorithms: ['HS256'], audience: 'ngx_media', requiredClaims: ['exp', 'sub'] };
const pool = new pg.Pool({ host: DATABASE_SOCKET, database: 'media', user: 'media_nginx', max: 10 });
const LOOKUP = 'SELECT company_id, status, storage_key, mime_type, file_name FROM media.lookup_media($1)';

async function companyOf(authorization) {
  if (!authorization?.startsWith('Bearer ')) return null;
  try {
    return (await jwtVerify(authorization.slice(7), key, policy)).payload.company;
  } catch {
    return null;
  }
}

async function answer(request, response) {
  const company = await companyOf(request.headers.authorization);
  if (!company) return response.writeHead(401).end();
  const id = request.url.slice(request.url.lastIndexOf('/') + 1);
  // A named query is prepared once for each connection.
  const { rows: [media] } = await pool.query({ name: 'lookup', text: LOOKUP, values: [id] });
  if (media?.company_id !== company || media.status !== 'completed') return response.writeHead(404).end();
  response.writeHead(200, {
    'X-Accel-Redirect': `/internal/${media.storage_key}`,
    'Content-Type': media.mime_type,
    'Content-Disposition': `inline; filename="${media.file_name ?? 'file'}"`,
    'Cache-Control': 'private, max-age=3600, immutable',
  }).end();
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.writeHead(500).end());
});
server.keepAliveTimeout = 60_000;
server.listen(LISTEN);
