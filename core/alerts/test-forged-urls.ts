// URLs and addresses that try to reach what is not public, for tests: each stands for a way that
// has worked somewhere.

const words = (text: string): ReadonlyArray<string> => text.split(" ")

/** One or more of each block that is not public, at its edges. */
export const notPublic: ReadonlyArray<string> = [
  ...words("0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0"),
  ...words(
    "100.100.100.200 100.127.255.255 127.0.0.1 127.0.0.2 127.255.255.255 168.63.129.16 169.254.0.0",
  ),
  ...words("169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255"),
  ...words("192.0.0.0 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0"),
  ...words("198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1"),
  ...words("255.255.255.254 255.255.255.255"),
  ...words(":: ::1 ::2 ::7f00:1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1"),
  ...words(
    "::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1",
  ),
  ...words(
    "2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1",
  ),
  ...words("2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 2620:4f:8000::1 3fff::1"),
  ...words("3fff:fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fdff:ffff::1 fe80::1 fe80::1%eth0"),
  ...words("febf::1 fec0::1 ff00::1 ff02::1 ff0e::1 1fff:ffff::1 8000::1 e000::1"),
]

export interface ForgedUrl {
  readonly url: string
  /** What a resolver would say, where the host is a name. */
  readonly addresses?: ReadonlyArray<string>
}

/** The same address in the forms that old parsers take. */
const ipv4Forms = (address: string): ReadonlyArray<string> => {
  const parts = address.split(".").map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const octal = (part: number) => `0${part.toString(8)}`
  const hex = (part: number) => `0x${part.toString(16)}`
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${whole.toString(16)}`,
    `0${whole.toString(8)}`,
    parts.map(octal).join("."),
    parts.map((part) => `000${octal(part)}`).join("."),
    parts.map(hex).join("."),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `${hex(a)}.${octal(b)}.${c * 256 + d}`,
    address.replaceAll(".", "%2e"),
    address.replaceAll(".", "。"),
    [...address]
      .map((digit) => (digit === "." ? digit : String.fromCodePoint(0xff10 + Number(digit))))
      .join(""),
  ]
}

/** An IPv4 address inside IPv6 ones. */
const ipv6Forms = (address: string): ReadonlyArray<string> => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number)
  const high = (a * 256 + b).toString(16)
  const low = (c * 256 + d).toString(16)
  return [
    `[::ffff:${address}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::${address}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b:1::${address}]`,
    `[2002:${high}:${low}::]`,
    `[2002:${high}:${low}::1]`,
    `[2001:0:${high}:${low}::]`,
    `[::ffff:0:${address}]`,
  ]
}

const literal = (host: string): ForgedUrl => ({ url: `https://${host}/hook` })
const inUrl = (address: string): string => (address.includes(":") ? `[${address}]` : address)

const literals: ReadonlyArray<ForgedUrl> = [
  ...["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1"].flatMap(ipv4Forms),
  ...["127.0.0.1", "169.254.169.254", "10.0.0.1"].flatMap(ipv6Forms),
  ...notPublic.filter((address) => !address.includes("%")).map(inUrl),
  ...words("0 127.1 0x7f.1 [::] [::1] [0000::1] [fe80::1%25eth0] [::1%25lo] 0x0 017700000001"),
].map(literal)

const names: ReadonlyArray<ForgedUrl> = [
  ...words("localhost LOCALHOST localhost. a.localhost printer.local metadata.google.internal"),
  ...words("nats redis a.home.arpa router.lan vault.corp intranet x.test x.invalid x.onion"),
].map(literal)

/** Names that point inside, and answers that mix good and bad. */
const resolved: ReadonlyArray<ForgedUrl> = [
  ...notPublic.slice(0, 48).map((address, place) => ({
    url: `https://inside-${place}.attacker.dev/`,
    addresses: [address],
  })),
  { url: "https://mixed.attacker.dev/", addresses: ["8.8.8.8", "127.0.0.1"] },
  { url: "https://mixed6.attacker.dev/", addresses: ["2606:4700::1", "::ffff:10.0.0.1"] },
  {
    url: "https://last.attacker.dev/",
    addresses: [...Array(20).fill("8.8.8.8"), "169.254.169.254"],
  },
  { url: "https://nothing.attacker.dev/", addresses: [] },
  { url: "https://no-address.attacker.dev/", addresses: ["localhost"] },
  { url: "https://zone.attacker.dev/", addresses: ["fe80::1%eth0"] },
  { url: "https://127.0.0.1.nip.attacker.dev/", addresses: ["127.0.0.1"] },
]

const schemes: ReadonlyArray<ForgedUrl> = [
  "http://8.8.8.8/",
  "http://example.com/",
  "HTTP://example.com/",
  "ftp://8.8.8.8/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:6379/_PING",
  "dict://127.0.0.1:11211/stat",
  "ldap://127.0.0.1/",
  "data:text/plain,x",
  "javascript:alert(1)",
  "unix:/var/run/docker.sock",
  "nats://127.0.0.1:4222",
  "//8.8.8.8/",
  "/hook",
  "",
  "https://",
  "https:///",
  "https://:443/",
  "https://user@8.8.8.8/",
  "https://user:secret@8.8.8.8/",
  "https://8.8.8.8@127.0.0.1/",
  "https://example.com:x@10.0.0.1/",
  "https://127.0.0.1\\@8.8.8.8/",
  "https://8.8.8.8:99999/",
  "https://exa mple.com/",
  "https://[::1/",
  "https://1.2.3.4.5/",
  "https://999.8.8.8/",
  `https://8.8.8.8/${"a".repeat(2_048)}`,
  "\thttps://127.0.0.1/",
  "https:/\\127.0.0.1/",
  "https:127.0.0.1",
  "https://127.0.0.1#@8.8.8.8/",
  "https://127.0.0.1?@8.8.8.8/",
  "https://127\t.0.0.1/",
  "https://127.0.0.1%00.example.com/",
].map((url) => ({ url }))

export const forgedUrls: ReadonlyArray<ForgedUrl> = [
  ...literals,
  ...names,
  ...resolved,
  ...schemes,
].filter(({ url }, place, all) => all.findIndex((other) => other.url === url) === place)
