import { STATUS_CODES } from '../../node-http.ts';

export const statusText = (status: number): string => STATUS_CODES[status] ?? 'Unknown';
