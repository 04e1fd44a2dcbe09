import { createServer } from 'node:http';

// The cluster says where to listen: HOST is the pod's own address, PORT its first declared port.
const { HOST = '127.0.0.1', PORT = '8080', HOSTNAME = 'nobody' } = process.env;
const server = createServer((_request, response) => response.end(`Hello from ${HOSTNAME}\n`));
server.listen(Number(PORT), HOST);
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
