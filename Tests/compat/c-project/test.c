// Tests of the table, with threads that all add the same words, and with a child process.
#include "words.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct table table;

static void *add(void *unused) {
    for (int i = 0; i < 10000; i++)
        table_add(&table, i % 2 ? "odd" : "even", i % 2 ? 3 : 4);
    return unused;
}

int main(void) {
    table_init(&table);
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        assert(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    struct entry **all = table_sorted(&table);
    assert(table.words == 2 && all[0]->count == 40000 && strcmp(all[0]->word, "even") == 0);
    free(all);
    table_free(&table);
    pid_t child = fork();
    if (child == 0) _exit(3);
    int status;
    assert(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
    puts("all tests passed");
    return 0;
}
