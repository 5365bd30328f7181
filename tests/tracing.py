"What a process and its children do: strace shows each connection, each question to a name server and each file that is written, by native code, too."
import ipaddress, os, re, shutil, subprocess
import pytest

STRACE = shutil.which('strace')
SENDING,WRITING = ('connect', 'sendto', 'sendmsg', 'sendmmsg'),('open', 'openat', 'creat', 'mkdir', 'mkdirat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'mknod', 'mknodat')
NEVER = ('/etc/resolv.conf', '/run/systemd/resolve/', '/run/avahi-daemon/') # only who looks up a name reads or asks these

def _works():
    "May this user trace what he starts? In some containers nobody may."
    return STRACE and subprocess.run([STRACE, '-f', '-o', os.devnull, 'true'], capture_output=True).returncode == 0

needs_strace = pytest.mark.skipif(not _works(), reason='this test needs: apt-get install strace, and a system that lets it trace')

def trace(command, cwd, log, inject='', **kwargs):
    "Start `command` in the folder `cwd` under strace, which writes into the file `log`; calls of the kinds that `inject` names fail."
    calls = ','.join(f'?{o}' for o in SENDING + WRITING) # no processor has all of them
    more = ['-e', f'inject={inject}'] if inject else []
    return subprocess.Popen([STRACE, '-f', '-y', '-qq', '--seccomp-bpf', '-s', '200', '-e', f'trace={calls}', '-e', 'signal=none', *more, '-o', str(log), *map(str, command)], cwd=cwd, **kwargs)

ADDRESS = re.compile(r'sa_family=AF_INET6?, sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
PATHS = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"') # with -y, strace says which folder a relative path belongs to

class Trace:
    "What was seen in the file `log` of a process that ran in `cwd`: `elsewhere`, what went to another computer; `written`, paths of files and folders."
    def __init__(self, log, cwd):
        self.cwd,self.calls,self.elsewhere,self.written = str(cwd),0,[],set()
        for line in log.read_text(errors='replace').splitlines():
            call = re.match(r'\d+ +(\w+)\((.*)', line)
            if call: self._see(*call.groups())

    def _see(self, name, rest):
        self.calls += 1
        if any(o in rest for o in NEVER): self.elsewhere.append(f'{name}({rest[:200]}')
        elif name in SENDING: self.elsewhere += [f'{name} {host} port {port}' for port,host in ADDRESS.findall(rest) if not self._is_here(host, port)]
        elif ' = -1 E' not in rest and (not name.startswith('open') or re.search('O_WRONLY|O_RDWR|O_CREAT', rest)): self.written.add(self._path(rest))

    def _is_here(self, host, port):
        "Is it a server on this computer, and no name server, which asks others?"
        return ipaddress.ip_address(host).is_loopback and port not in ('53', '853', '5353')

    def _path(self, rest):
        "What is written; of two paths, the new one."
        folder,path = PATHS.findall(rest)[-1]
        return os.path.normpath(os.path.join(self.cwd, folder, path))
