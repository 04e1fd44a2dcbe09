import type * as http from 'node:http';

/**
 * The values of node:http, taken and not imported: an import asks for every export once, and one of them is a WebSocket
 * that brings a whole client of the web with it: some 2 MB of a server that nobody asked for.
 */
export const { Agent, createServer, IncomingMessage, METHODS, request, ServerResponse, STATUS_CODES } =
  process.getBuiltinModule('node:http');

export type IncomingMessage = http.IncomingMessage;
export type ServerResponse = http.ServerResponse;
