"""The Markdown of the console's pages and of its feed: CommonMark with tables, in which HTML is text."""

from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
