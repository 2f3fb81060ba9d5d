#pragma once
// TCP ports of 127.0.0.1.

namespace datamesh::test {

// A port that nobody listened on a moment ago. Each call of one process answers another one.
int free_port();

// Whether somebody accepts connections there.
bool is_listening(int port);

}  // namespace datamesh::test
