"""How much one template may ask for. Each limit only stops a template that would hurt other jobs; no real mail comes near."""

MAX_SOURCE_CHARS = 4_000_000  # a mail above this is refused by most receivers anyway
MAX_NODES = 20_000  # nodes of the syntax tree; a rich newsletter has some hundred
MAX_TOKENS = 150_000  # of the source, counted before it is parsed: a slot of a name alone has five
MAX_DEPTH = 64  # nesting of the syntax tree: keeps parser, compiler and Python's own stack safe
MAX_INCLUDE_DEPTH = 8
MAX_STEPS = 20_000  # loop turns and calls a row: a statement of a thousand lines with six values each needs ten thousand
ITEMS_A_STEP = 64  # items and characters of lists that may be touched for one step
MAX_RANGE = 10_000  # items of one range()
MAX_ITEMS = 10_000  # items of any list made while a row runs
MAX_TEXT_CHARS = 200_000  # characters of any one value, or characters and items of any one list
MAX_HELD_CHARS = 100_000_000  # of the texts that column steps hold for all rows of a call: six times what a call's mails weigh
MAX_OUTPUT_CHARS = 1_000_000  # characters that slots and loops of one row may write; a mail is read up to about 100,000
MAX_INCLUDES = 200  # places where files are taken in
MAX_FORMAT_WIDTH = 1_000  # width or precision in a format string
MAX_SIZE_ARGUMENT = 10_000  # the size that center, indent, batch, truncate and the like are asked for
MAX_REASON_CHARS = 200
