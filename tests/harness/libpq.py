"""libpq itself, by ctypes: where thousands of connections are tried, a psql for each would take minutes."""
import ctypes
import ctypes.util

_LIB = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
_LIB.PQconnectdbParams.restype = ctypes.c_void_p
_LIB.PQconnectdbParams.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_char_p), ctypes.c_int]
_LIB.PQexec.restype = ctypes.c_void_p
_LIB.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_LIB.PQgetvalue.restype = ctypes.c_char_p
_LIB.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
_LIB.PQerrorMessage.restype = ctypes.c_char_p
for _name in ("PQstatus", "PQfinish", "PQclear", "PQntuples", "PQerrorMessage"):
    getattr(_LIB, _name).argtypes = [ctypes.c_void_p]

_OK = 0


def ask(parameters, sql):
    """(first value of the answer, None), or (None, why nobody got in). Threads may call it at once."""
    names = list(parameters)
    keywords = (ctypes.c_char_p * (len(names) + 1))(*(name.encode() for name in names), None)
    values = (ctypes.c_char_p * (len(names) + 1))(*(str(parameters[name]).encode() for name in names), None)
    connection = _LIB.PQconnectdbParams(keywords, values, 0)
    try:
        if _LIB.PQstatus(connection) != _OK:
            return None, _LIB.PQerrorMessage(connection).decode(errors="replace").strip()
        result = _LIB.PQexec(connection, sql.encode())
        value = _LIB.PQgetvalue(result, 0, 0).decode() if _LIB.PQntuples(result) else ""
        _LIB.PQclear(result)
        return value, None
    finally:
        _LIB.PQfinish(connection)
