"""The limits that several parts of the product must agree on: each is declared here once, with its reason.

A limit that only one module needs stays in that module.
"""

from datetime import UTC, datetime, timedelta

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
"""The largest integer that both databases can store."""

INSTANT_MIN = datetime(1900, 1, 1, tzinfo=UTC)
INSTANT_MAX = datetime(2200, 1, 1, tzinfo=UTC)
"""The instants that every part of the product can store lie from INSTANT_MIN on and before INSTANT_MAX."""

CLOCKS_DIFFER_MAX = timedelta(hours=24)
"""The longest time that a fact may lie in the future: clocks differ, but shops do not sell tomorrow."""

RECORD_BYTES_MAX = 1_000_000
"""The largest record of a bus: its key, headers and value together. A Kafka broker takes a megabyte by default."""
EVENT_BYTES_MAX = 900_000
"""The largest event as JSON. The rest of RECORD_BYTES_MAX is left for the key and the headers."""

ID_MAX = 64
"""Characters of an id of ours that a caller sends."""
CODE_MAX = 64
"""Characters of a code: a word of ours, or a name that the merchant gives to something they configure."""
EXTERNAL_ID_MAX = 128
"""Characters of the merchant's own id of a customer, in its only spelling."""
SOURCE_MAX = 64
"""Characters of the name of a system that orders come from."""
ORDER_ID_MAX = 128
"""Characters of an order's id in the system that it comes from."""
CHANNEL_MAX = 64
STORE_MAX = 64
SKU_MAX = 64
CATEGORY_MAX = 64
BRAND_MAX = 48
"""Characters of the merchant's own codes on a purchase. LINES_MAX lines with these still fit into EVENT_BYTES_MAX."""

LINES_MAX = 1_000
"""Lines of one order, purchase or return."""
QUANTITY_MAX = 1_000_000_000
"""Units of one line that a caller may send."""
LINE_AMOUNT_MAX = 1_000_000_000_000
"""Minor units of one line that a caller may send."""
ORDER_AMOUNT_MAX = 10_000_000_000_000
"""Minor units of one order."""
LARGE_ORDER_AMOUNT = 10_000_000_000
"""Minor units from which an order is added to those that its customer has before it is taken."""
CUSTOMER_AMOUNT_MAX = 1_000_000_000_000_000
"""Minor units up to which an identity's purchases add up with a large order.

Smaller orders would pass it after a hundred thousand of them. Then a sum of money is still exact in 64 bits, and below
2**53, the largest integer that a browser reads exactly, as long as the customer has fewer than 900,000 orders.
"""
MEMBER_POINTS_MAX = 10_000_000_000_000
"""Points up to which a correction by hand may raise the points of a member, and that one redemption may spend."""
REMEDY_POINTS_MAX = 10_000
"""Points of one remedy. Loyalty refuses more by the programme of a new installation, so feedback takes no more."""

PARTNER_ID = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
"""The form of a partner's id. It is a part of natural keys, of events and of addresses, so it is a short code.

Older versions took an `@` in it, so stored ids and events may have one. A token that has one is refused.
"""

NEW_PARTNER_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The form of the id of a partner that a new API key names: PARTNER_ID without an `@`."""
PARTNER_ID_WITH_LETTER = r"([0-9][0-9._-]*)?[A-Za-z][A-Za-z0-9._-]*"
"""The form of the id of a partner that a request gives: it has a letter, so that it is no phone number."""
SCOPE = r"[a-z][a-z_]{0,31}:[a-z][a-z_]{0,30}"
"""The form of a scope of a partner: a noun and a verb."""
SCOPES_MAX = 50
"""Scopes of one API key."""
API_KEYS_OF_PARTNER_MAX = 2
"""API keys of one partner that are in force: the present one, and the next one while the partner changes over."""
API_KEYS_MAX = 1_000
"""API keys of all partners that are in force. Each process that answers requests has them all in memory."""

BATCH_ITEMS_MAX = 500
"""Items of one request to a `:batch` operation. Such a request is one transaction."""
PAGE_ITEMS_MAX = 200
"""Items of one page of a list operation."""

HEAD_BYTES_MAX = 32 * 1024
"""Bytes of the head of a request: its first line and its headers."""
HEAD_FIELDS_MAX = 100
"""Headers of a request."""
TARGET_BYTES_MAX = 8 * 1024
"""Bytes of the path and the query of a request."""
BODY_BYTES_MAX = 1024 * 1024
BATCH_BODY_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of the body of a request, and of a request to a `:batch` operation."""
CHUNKS_MAX = 20_000
"""Chunks of a body that comes in chunks. Those of the largest body have 400 bytes on average then."""
IMPORT_BODY_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of a file that a request to `/v1/imports` brings: one or two hundred thousand rows. Longer ones are
imported by the command, or in parts."""

NODES_MAX = 450_000
"""Values in the body of a request: objects, lists, texts, numbers and so on. The largest batch of short lines that fits
into BATCH_BODY_BYTES_MAX has about 400,000."""
DEPTH_MAX = 32
"""Objects and lists around the innermost value of a body."""
ERRORS_MAX = 100
"""Errors in the answer to one request. Validation stops there."""
NAMES_MAX = 200
"""Names of one object of a body."""

TOKEN_DAYS_MAX = 31
CUSTOMER_TOKEN_MINUTES_MAX = 15
"""The longest lives of a token, and of a customer's token."""

AUDIT_DAYS_MIN = 30
"""Days for which the database itself refuses to delete a row of the audit trail. A setting may ask for more."""

QUOTA_MAX = 1_000_000_000
"""Requests that a rate limit may allow in one window."""
