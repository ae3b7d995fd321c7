const IPV4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;

/** Whether the text is an IP address, or a block of them: an address and the length of its prefix. */
export function isNetwork(text: string): boolean {
  const [, address = "", prefix = "0"] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const isV6 = address.includes(":");
  const host = isV6 ? `[${address}]` : address;
  const isAddress = (isV6 || IPV4.test(address)) && URL.canParse(`http://${host}/`);
  return isAddress && Number(prefix) <= (isV6 ? 128 : 32);
}
