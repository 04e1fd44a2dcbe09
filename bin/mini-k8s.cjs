#!/usr/bin/env node
// Old syntax on purpose: this file must still be understood by the Node that it complains about.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 18)) {
  console.error('mini-k8s needs Node 22.18 or later and this is ' + process.versions.node + ': see https://nodejs.org');
  process.exit(1);
} else {
  import('../out/main/mini-k8s.js').catch(function (error) {
    console.error(error);
    process.exit(1);
  });
}
