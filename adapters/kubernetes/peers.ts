import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Returns whether a peer's address is one of `trusted`: addresses, or networks as `10.0.0.0/8`. */
export function peersAmong(trusted: readonly string[]): (peer: string | null) => boolean {
  const list = new BlockList();
  for (const text of trusted) addTo(list, text);
  return (peer) => {
    if (peer === null) return false;
    const address = withoutMapping(peer);
    if (isIPv4(address)) return list.check(address, "ipv4");
    return isIPv6(address) && list.check(address, "ipv6");
  };
}

function addTo(list: BlockList, text: string): void {
  const [address = "", bits] = text.split("/");
  const family = isIPv4(address) ? "ipv4" : isIPv6(address) ? "ipv6" : null;
  const prefix = bits === undefined ? null : Number(bits);
  const max = family === "ipv4" ? 32 : 128;
  const isPrefix = prefix === null || (/^\d+$/.test(bits ?? "") && prefix <= max);
  if (!family || !isPrefix) throw new TypeError(`"${text}" is neither an address nor a network`);
  if (prefix === null) list.addAddress(address, family);
  else list.addSubnet(address, prefix, family);
}

/** A socket for both families has IPv4 peers as `::ffff:10.0.0.1`. */
function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
