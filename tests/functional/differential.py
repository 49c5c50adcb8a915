# SPDX-License-Identifier: BSD-3-Clause
"""usage: differential.py COUNT SEED MILLRACE UPSTREAM RESOLVER

Asks random questions of millrace twice (the first time mostly not in its cache, the second time
from it), of its upstream and, of every tenth, of another resolver. Prints what differs, and ends
with 1 if anything does.
"""
import random
import socket
import sys
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

ZONE = "signed.test."
TYPES = ("A", "AAAA", "MX", "TXT", "CNAME", "NS", "SOA", "SRV", "CAA", "DS", "DNSKEY", "NSEC",
         "RRSIG", "PTR", "SVCB", "TYPE65280")
HOSTS = ["", "ns", "www", "alias", "alias2", "deep.alias", "mx", "txt", "big", "srv", "caa",
         "a.b.c", "b.c", "c", "x.wild", "y.wild", "wild", "child", "under.child", "loop", "none",
         "not.here", "www.none"]


class Asker:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((address, 53))
        self.socket.settimeout(10)

    def ask(self, wire):
        self.socket.send(wire)
        while True:
            answer = self.socket.recv(65535)
            if answer[:2] == wire[:2]:
                return answer


class Question:
    def __init__(self, draw, number):
        host = draw.choice(HOSTS)
        if draw.random() < 0.2:
            host = f"n{draw.randrange(2000)}" + ("." + host if host else "")
        name = host + "." + ZONE if host else ZONE
        self.name = "".join(c.upper() if draw.random() < 0.3 else c for c in name)
        # A resolver goes after delegations, loops and parents, where no server answers.
        self.type = draw.choice(TYPES)
        self.is_for_upstreams_alone = "child" in host or "loop" in host or (
            not host and self.type == "DS")
        self.has_edns = draw.random() < 0.7
        self.do = self.has_edns and draw.random() < 0.5
        self.size = draw.choice((512, 800, 1232, 1400, 4096)) if self.has_edns else 512
        self.flags = dns.flags.RD
        for flag in (dns.flags.CD, dns.flags.AD):
            if draw.random() < 0.3:
                self.flags |= flag
        query = dns.message.make_query(
            self.name, self.type, use_edns=0 if self.has_edns else -1, want_dnssec=self.do,
            payload=self.size)
        query.flags = self.flags
        query.id = number & 0xffff
        self.wire = query.to_wire()
        query.use_edns(0, dns.flags.DO if self.do else 0, 4096)
        self.wire_for_all = query.to_wire()
        self.question = self.wire[12:12 + len(dns.name.from_text(self.name).to_wire()) + 4]

    def __str__(self):
        return (f"{self.name} {self.type} {dns.flags.to_text(self.flags)}"
                f"{f' edns {self.size}' if self.has_edns else ''}{' do' if self.do else ''}")


def records(section):
    """{(name, type, data): ttl}, names without case."""
    return {(str(rrset.name).lower(), rrset.rdtype, rdata.to_digestable()): rrset.ttl
            for rrset in section for rdata in rrset}


def differences(question, wire, direct, whole, elapsed):
    """What is wrong with an answer, beside the upstream's own; `whole` gets all it has to say."""
    answer = dns.message.from_wire(wire, raise_on_truncation=False)
    limit = min(max(question.size, 512), 1232) if question.has_edns else 512
    if wire[12:12 + len(question.question)] != question.question:
        yield "the question is not as it was asked"
    if (answer.flags ^ direct.flags) & dns.flags.RA or answer.opcode() != 0:
        yield "RA is not the upstream's, or another opcode"
    if (answer.flags ^ question.flags) & (dns.flags.RD | dns.flags.CD):
        yield "RD or CD is not the client's"
    if answer.flags & dns.flags.AD:
        yield "AD, which the upstream never sets"
    if answer.rcode() != direct.rcode():
        yield f"rcode {answer.rcode()}, not {direct.rcode()}"
    if (answer.edns >= 0) != question.has_edns:
        yield "EDNS is not as it was asked"
    if question.has_edns and bool(answer.ednsflags & dns.flags.DO) != question.do:
        yield "DO is not as it was asked"
    if len(wire) > limit:
        yield f"{len(wire)} bytes, above {limit}"
    if (answer.flags | direct.flags) & dns.flags.TC:
        # Cut each in its own way. An upstream may leave out what is additional without TC.
        if answer.flags & dns.flags.TC:
            wanted = whole()
            if not wanted[2] & 2 and len(wanted) <= limit:
                yield "TC without need"
        return
    for section in ("answer", "authority", "additional"):
        yield from section_differences(section, records(getattr(answer, section)),
                                       records(getattr(direct, section)), elapsed)


def section_differences(section, got, wanted, elapsed):
    if got.keys() != wanted.keys():
        yield (f"{section}: {len(got.keys() - wanted.keys())} records more and "
               f"{len(wanted.keys() - got.keys())} less than the upstream has")
        return
    # A denial shows one TTL throughout, the least.
    least = min(wanted.values(), default=0)
    for key, ttl in got.items():
        if ttl > wanted[key] or ttl < min(least, 300) - elapsed - 2:
            yield f"{section}: TTL {ttl} of {wanted[key]} after {elapsed:.0f} s"


def main(count, seed, millrace, upstream, resolver):
    draw = random.Random(seed)
    questions = [Question(draw, number) for number in range(count)]
    askers = {"millrace": Asker(millrace), "upstream": Asker(upstream),
              "resolver": Asker(resolver)}
    started = time.monotonic()
    wrong = 0
    for turn in ("first", "again"):
        for number, question in enumerate(questions):
            wire = askers["millrace"].ask(question.wire)
            direct = dns.message.from_wire(askers["upstream"].ask(question.wire),
                                           raise_on_truncation=False)
            found = list(differences(
                question, wire, direct, lambda: askers["upstream"].ask(question.wire_for_all),
                time.monotonic() - started))
            if number % 10 == 0 and not question.is_for_upstreams_alone:
                other = dns.message.from_wire(askers["resolver"].ask(question.wire),
                                              raise_on_truncation=False)
                answer = dns.message.from_wire(wire, raise_on_truncation=False)
                if other.rcode() != answer.rcode():
                    found.append(f"the resolver says {other.rcode()}, not {answer.rcode()}")
            for text in found:
                print(f"{turn}, {question}: {text}")
            wrong += bool(found)
            if wrong > 20:
                return 1
    print(f"{count} questions, twice: {wrong} answers differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
