import assert from "node:assert/strict";
import test from "node:test";
import { freeAddress } from "./docker-bridge.ts";

const ROUTES = `default via 192.0.2.1 dev eth0
172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2
local 172.18.5.1 dev other table local proto kernel scope host src 172.18.5.1
broadcast 172.18.5.255 dev other table local proto kernel scope link src 172.18.5.1
`;

test("freeAddress() begins at the given network and wraps around", () => {
  assert.equal(freeAddress(ROUTES, 0), "172.16.0.1/24");
  assert.equal(freeAddress(ROUTES, 2 * 256 + 3), "172.18.3.1/24");
  assert.equal(freeAddress(ROUTES, 16 * 256 - 1), "172.31.255.1/24");
  assert.equal(freeAddress(ROUTES, 16 * 256), "172.16.0.1/24");
});

test("freeAddress() passes over networks into which a route leads", () => {
  assert.equal(freeAddress(ROUTES, 256), "172.18.0.1/24");
  assert.equal(freeAddress(ROUTES, 256 + 77), "172.18.0.1/24");
  assert.equal(freeAddress(ROUTES, 2 * 256 + 5), "172.18.6.1/24");
});

test("freeAddress() has none when a route leads into all", () => {
  assert.equal(freeAddress("172.16.0.0/12 via 192.0.2.1 dev eth0\n", 9), null);
  assert.equal(freeAddress("10.0.0.0/8 dev a \n", 9), "172.16.9.1/24");
});
