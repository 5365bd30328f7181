"""Blocks every connection but those to this machine. Python imports this file by itself in each process whose PYTHONPATH holds its folder.

What was tried is also written to the file PETLEARN_BLOCKED, so that a test sees it even where a library swallows the error."""
import ipaddress, os, socket

def _is_local(host):
    "Is `host` this machine?"
    if host in ('', 'localhost', None, b''): return True
    try: return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError: return False

def _block(what, host):
    "Note what was tried, and refuse it as a missing network would."
    if log := os.environ.get('PETLEARN_BLOCKED'):
        with open(log, 'a') as f: print(what, host, file=f)
    raise socket.gaierror(socket.EAI_NONAME, f'network blocked by the tests: {what} {host}')

class _LocalSocket(socket.socket):
    def connect(self, address):
        if isinstance(address, tuple) and not _is_local(address[0]): _block('connect', address[0])
        return super().connect(address)

    def connect_ex(self, address):
        if isinstance(address, tuple) and not _is_local(address[0]): _block('connect', address[0])
        return super().connect_ex(address)

    def sendto(self, data, *args):
        if isinstance(args[-1], tuple) and not _is_local(args[-1][0]): _block('sendto', args[-1][0])
        return super().sendto(data, *args)

_getaddrinfo = socket.getaddrinfo

def _local_addrinfo(host, *args, **kwargs):
    if not _is_local(host): _block('look up', host)
    return _getaddrinfo(host, *args, **kwargs)

socket.socket,socket.getaddrinfo = _LocalSocket,_local_addrinfo
