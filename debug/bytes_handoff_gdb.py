'''Shows GDB what is in Bytes, BytesMut, HandoffBuffer and the queue of a WriteHandoff.

GDB loads it by itself where the library says so (docs/debugging.md), or by
    source bytes_handoff_gdb.py

What cannot be read, since it is corrupted or optimized out, is one line that says so. Nothing is
called in the program, and every loop is bounded.
'''

import re

import gdb
import gdb.printing

MOST_BYTES = 64  # of one object that are shown
MOST_CHILDREN = 16  # items, and waiters of a kind
MOST_TYPE_CHARS = 120
LARGEST_SIZE = 1 << 47  # more is no size

STATES = ('open', 'closing', 'ended')
WRITERS = ('idle', 'scheduled', 'writing', 'shutting down', 'acknowledging')
ASKS = ('a write', 'a burst', 'a burst that may be cut', 'room')


class Broken(Exception):
    '''What an object has that it cannot have.'''


def escaped(data):
    '''Bytes as text on one line: what cannot be shown is a number.'''
    backslash = chr(92)
    short = {9: 't', 10: 'n', 13: 'r', 34: chr(34), 92: backslash}
    return ''.join(
        backslash + short[each] if each in short
        else chr(each) if 32 <= each < 127
        else '%sx%02x' % (backslash, each)
        for each in data)


def shown_bytes(data, size):
    '''The first bytes of a region, and how many there are.'''
    address = int(data)
    if size == 0:
        return '0 bytes'
    if size > LARGEST_SIZE or address == 0:
        raise Broken('%d bytes at 0x%x' % (size, address))
    count = min(size, MOST_BYTES)
    try:
        memory = gdb.selected_inferior().read_memory(address, count).tobytes()
    except gdb.error:
        raise Broken('%d bytes at 0x%x, which cannot be read' % (size, address))
    more = '...' if count < size else ''
    quote = chr(34)
    unit = 'byte' if size == 1 else 'bytes'
    return '%d %s %s%s%s%s' % (size, unit, quote, escaped(memory), quote, more)


def shown_name(text):
    '''Behind what it names; nothing where there is no name.'''
    if int(text) == 0:
        return ''
    name = bytearray()
    try:
        while len(name) != MOST_BYTES and int(text[len(name)]) != 0:
            name.append(int(text[len(name)]) & 255)
    except gdb.error:
        return ', whose name cannot be read'
    return ' %s%s%s' % (chr(34), escaped(name), chr(34))


def counted(count, one, many=None):
    return '%d %s' % (count, one if count == 1 else many or one + 's')


def named(names, value):
    index = int(value)
    if not 0 <= index < len(names):
        raise Broken('there is no %s %d' % (value.type.unqualified(), index))
    return names[index]


def in_words(what, tell):
    '''What `tell` says, or why it cannot: never an exception.'''
    try:
        return tell()
    except Broken as error:
        return '%s, corrupted: %s' % (what, error)
    except Exception as error:  # whatever GDB raises, also of an object that is optimized out
        text = str(error).replace(chr(10), ' ')
        if 'optimized out' in text:
            return '%s, optimized out' % what
        return '%s, cannot be read: %s' % (what, text)


def if_well(make):
    '''The children that `make` yields, up to the first that cannot be read.'''
    try:
        yield from make()
    except Exception as error:
        yield '[cannot be read]', str(error).replace(chr(10), ' ')


class BytesPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return in_words('Bytes', lambda: 'Bytes of ' + shown_bytes(
            self.value['data_'], int(self.value['size_'])))


def shown_region(region):
    size = int(region['size_'])
    capacity = int(region['capacity_'])
    if size > capacity or capacity > LARGEST_SIZE:
        raise Broken('%d bytes where %d have room' % (size, capacity))
    return shown_bytes(region['data_'], size), capacity


class BytesMutPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return in_words('BytesMut', lambda: 'BytesMut of %s, room for %d' % shown_region(self.value))


class HandoffBufferPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return in_words('HandoffBuffer', self.tell)

    def tell(self):
        value = self.value
        content, capacity = shown_region(value['bytes_'])
        size = int(value['bytes_']['size_'])
        position = int(value['received_']) - size
        parts = ['HandoffBuffer of ' + content,
                 'room for %d' % capacity,
                 'limit %d' % int(value['config_']['max_size']),
                 '%d have left' % position if position >= 0 else 'and more than were received']
        if bool(value['reading_']):
            parts.append('a read runs')
        code = value['kept_error_']['code']
        error = int(code[code.type.fields()[0]])  # each standard library has a name of its own
        if error != 0:
            parts.append('the next read tells error %d' % error)
        return ', '.join(parts)


def nodes_of(line):
    '''The addresses of the nodes of an IntrusiveList.'''
    node = line['first_']
    for _ in range(min(int(line['size_']), MOST_CHILDREN)):
        if int(node) == 0:
            raise Broken('a list ends before its size')
        yield node
        node = node.dereference()['next_']


def who(node):
    '''The type of a waiter, which names the operation and its handler.'''
    try:
        waiting = node.cast(gdb.lookup_type('bytes_handoff::detail::Waiting').pointer())
        name = re.sub('bytes_handoff::(detail::)?([a-z_]+_flavour::)?', '',
                      str(waiting.dereference().dynamic_type))
    except Exception:
        return 'somebody'
    return name if len(name) <= MOST_TYPE_CHARS else name[:MOST_TYPE_CHARS] + '...'


def as_waiter(node, name):
    '''A `ListNode` is the first base of `Waiting`, which has virtual functions in front of it.'''
    waiting = node.cast(gdb.lookup_type('bytes_handoff::detail::Waiting').pointer())
    return waiting.cast(gdb.lookup_type('bytes_handoff::detail::' + name).pointer()).dereference()


class QueuePrinter:
    '''The queue behind a WriteHandoff.'''

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return in_words('write queue', self.tell)

    def tell(self):
        queue = self.value
        state = named(STATES, queue['state_'])
        items = 0 if state == 'ended' else int(queue['items_']['size_'])
        size = int(queue['pending_bytes_'])
        if items > LARGEST_SIZE or size > LARGEST_SIZE:
            raise Broken('%d items and %d bytes are pending' % (items, size))
        parts = ['write queue%s, %s' % (shown_name(queue['name_']['text_']), state),
                 'writer %s' % named(WRITERS, queue['writer_']),
                 '%s and %s pending' % (counted(items, 'item'), counted(size, 'byte')),
                 '%d with the stream' % int(queue['in_flight_items_'])]
        config = queue['config_']
        parts.append('limits %d items and %d bytes' % (int(config['max_items']),
                                                       int(config['max_pending_bytes'])))
        reserved = int(queue['items_']['aside_'])
        if reserved != 0:
            parts.append('%s and %s reserved' % (
                counted(reserved, 'item'),
                counted(int(config['max_pending_bytes']) - int(queue['unreserved_bytes_']), 'byte')))
        for name, one in (('line_', 'write waits'), ('flush_waiters_', 'flush waits'),
                          ('close_waiters_', 'close waits'), ('unwritten_waiters_', 'async_unwritten waits')):
            count = int(queue[name]['size_'])
            if count != 0:
                parts.append('%d %s' % (count, one if count == 1 else one.replace(' waits', 's wait')))
        error = queue['error_']
        if state == 'ended' and int(error['value']) != 0:
            parts.append('error %s' % shown_error(error))
        return ', '.join(parts)

    def children(self):
        return if_well(self.make_children)

    def make_children(self):
        yield from self.items()
        queue = self.value
        for index, node in enumerate(nodes_of(queue['line_'])):
            waiter = as_waiter(node, 'RoomWaiter')
            yield '[waiting %d]' % index, '%s, %s and %s: %s' % (
                named(ASKS, waiter['asks_for']), counted(int(waiter['items']), 'item'),
                counted(int(waiter['bytes']), 'byte'), who(node))
        for kind in ('flush', 'close', 'unwritten'):
            for index, node in enumerate(nodes_of(queue[kind + '_waiters_'])):
                yield '[%s %d]' % (kind, index), who(node)

    def items(self):
        '''What is admitted and not wholly written.'''
        items = self.value['items_']
        count = int(items['size_'])
        cursor = items['front_']
        segment = cursor['segment_']
        index = int(cursor['index_'])
        for number in range(min(count, MOST_CHILDREN)):
            if int(segment) == 0:
                raise Broken('items end before their size')
            first, last = segment.dereference()['items'].type.range()
            if index > last:
                segment = segment.dereference()['next']
                index = first
                if int(segment) == 0:
                    raise Broken('items end before their size')
            item = segment.dereference()['items'][index]
            yield '[%d]' % number, in_words('an item', lambda: shown_item(item))
            index += 1
        if count > MOST_CHILDREN:
            yield '[more]', '%d more' % (count - MOST_CHILDREN)


def shown_item(item):
    size = int(item['size'])
    if size != 0 and int(item['data']) == 0:
        return counted(size, 'byte') + ' in a pipe'
    text = shown_bytes(item['data'], size)
    return text if int(item['waiter']) == 0 else text + ', its ticket is waited for'


def shown_error(error):
    value = int(error['value'])
    if not bool(error['has_std_category']):
        return str(value)
    # The category's type may not be known to GDB. Its table of functions has a name.
    void = gdb.lookup_type('void').pointer()
    table = error['category'].cast(void.pointer()).dereference()
    name = re.search('<vtable for ([a-z_A-Z]+)', table.format_string(symbols=True))
    return '%d of %s' % (value, name[1] if name else 'an unknown category')


class WriteHandoffPrinter:
    def __init__(self, value):
        self.value = value

    def queue(self):
        '''None: not valid.'''
        writer = self.value['writer_']['to_']
        return None if int(writer) == 0 else writer.dereference()['queue_']

    def to_string(self):
        return in_words('WriteHandoff', self.tell)

    def tell(self):
        queue = self.queue()
        return 'WriteHandoff, not valid' if queue is None else (
            'WriteHandoff of a ' + QueuePrinter(queue).to_string())

    def children(self):
        return if_well(self.make_children)

    def make_children(self):
        queue = self.queue()
        return () if queue is None else QueuePrinter(queue).make_children()


def make_printers():
    printers = gdb.printing.RegexpCollectionPrettyPrinter('bytes_handoff')
    flavour = '([a-z_]+::)?'
    for name, pattern, printer in (
            ('Bytes', '^bytes_handoff::Bytes$', BytesPrinter),
            ('BytesMut', '^bytes_handoff::BytesMut$', BytesMutPrinter),
            ('HandoffBuffer', '^bytes_handoff::HandoffBuffer$', HandoffBufferPrinter),
            ('WriteHandoff', '^bytes_handoff::' + flavour + '(Weak)?WriteHandoff$',
             WriteHandoffPrinter),
            ('WriteQueue', '^bytes_handoff::detail::BasicWriteQueue<.*>$', QueuePrinter)):
        printers.add_printer(name, pattern, printer)
    return printers


gdb.printing.register_pretty_printer(gdb.current_objfile(), make_printers(), replace=True)
