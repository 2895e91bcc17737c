"""What a server says of itself: its services, and the files that describe them."""
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
FILE_CONTAINING_SYMBOL, LIST_SERVICES = 4, 7  # of a request
FILE_DESCRIPTORS, SERVICES = 4, 6  # of an answer


def services(channel, package):
    """Full names of the services of that package."""
    listed = _field(_ask(channel, LIST_SERVICES, ""), SERVICES)
    names = (_field(service, 1).decode() for number, service in _fields(listed) if number == 1)
    return sorted(name for name in names if name.startswith(package + "."))


def file_of(channel, symbol):
    """The serialised FileDescriptorProto that describes `symbol`."""
    return _field(_field(_ask(channel, FILE_CONTAINING_SYMBOL, symbol), FILE_DESCRIPTORS), 1)


def _ask(channel, number, text):
    request = bytes([number << 3 | 2, len(text)]) + text.encode()
    return next(channel.stream_stream(REFLECT)(iter([request]), timeout=30))


def _field(data, number):
    return next(value for found, value in _fields(data) if found == number)


def _fields(data):
    """(number, bytes) of each field of a message that holds texts and messages alone."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        assert key & 7 == 2, f"field {key >> 3} is no text or message"
        size, at = _number(data, at)
        yield key >> 3, data[at:at + size]
        at += size


def _number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
