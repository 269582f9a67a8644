"""A font that is made by code: every character is the same square (the tables are those of OpenType)."""

from struct import pack

EM, SQUARE = 1000, 700


def table_of_names():
    names = [(1, "Made"), (2, "Regular"), (4, "Made"), (6, "Made")]
    texts = [text.encode("utf-16-be") for _, text in names]
    records, offset = b"", 0
    for (number, _), text in zip(names, texts):
        records += pack(">6H", 3, 1, 0x409, number, len(text), offset)
        offset += len(text)
    return pack(">3H", 0, len(names), 6 + len(records)) + records + b"".join(texts)


def tables():
    """Returns the tables by name, as browsers want them."""
    glyph = pack(">5h", 1, 0, 0, SQUARE, SQUARE)  # one contour, and its box
    glyph += pack(">2H", 3, 0)  # of four points, without instructions
    glyph += bytes([1, 1, 1, 1]) + pack(">4h", 0, 0, SQUARE, 0) + pack(">4h", 0, SQUARE, 0, -SQUARE)
    # Characters from a space to a tilde are glyph 0: one segment that is looked up in an array, and the one at the end.
    array = bytes(2 * (0x7E - 0x20 + 1))
    cmap = pack(">4H", 4, 16 + 16 + len(array), 0, 4) + pack(">3H", 4, 1, 0)
    cmap += pack(">2H", 0x7E, 0xFFFF) + pack(">H", 0) + pack(">2H", 0x20, 0xFFFF) + pack(">2H", 0, 1) + pack(">2H", 4, 0)
    cmap = pack(">2H", 0, 1) + pack(">2HI", 3, 1, 12) + cmap + array
    head = pack(">4I2H", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, EM) + bytes(16)
    head += pack(">4h", 0, 0, SQUARE, SQUARE) + pack(">2H3h", 0, 8, 2, 0, 0)
    os2 = pack(">H", 4) + pack(">h2H", EM, 400, 5) + bytes(24) + bytes(10) + bytes(16) + b"MADE"
    os2 += pack(">3H", 0x40, 0x20, 0x7E) + pack(">3h2H", 800, -200, 0, 800, 200) + bytes(8)
    os2 += pack(">2h3H", 500, SQUARE, 0, 0x20, 1)
    return {
        b"OS/2": os2,
        b"cmap": cmap,
        b"glyf": glyph,
        b"head": head,
        b"hhea": pack(">I3hH3h", 0x10000, 800, -200, 0, EM, 0, EM - SQUARE, SQUARE) + bytes(16) + pack(">H", 1),
        b"hmtx": pack(">Hh", EM, 0),
        b"loca": pack(">2H", 0, len(glyph) // 2),
        b"maxp": pack(">I14H", 0x10000, 1, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": table_of_names(),
        b"post": pack(">I", 0x30000) + bytes(28),
    }


def checksum(data):
    data += bytes(-len(data) % 4)
    return sum(int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)) & 0xFFFFFFFF


def made():
    """Returns the font, a TrueType file."""
    content = tables()
    directory = pack(">I4H", 0x10000, len(content), 128, 3, 16 * len(content) - 128)
    offset = len(directory) + 16 * len(content)
    data = b""
    for name, table in content.items():
        directory += pack(">4s3I", name, checksum(table), offset + len(data), len(table))
        data += table + bytes(-len(table) % 4)
    font = directory + data
    at = offset + data.index(content[b"head"]) + 8
    return font[:at] + pack(">I", (0xB1B0AFBA - checksum(font)) & 0xFFFFFFFF) + font[at + 4 :]
