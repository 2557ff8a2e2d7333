using System.Data;
using System.Data.Common;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.Data.Sqlite;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>The process ends here, as <c>kill -9</c> ends it.</summary>
sealed class DiedException : Exception;

/// <summary>A database whose process dies at one of its transactions, before or after it is safe.</summary>
sealed class DyingDatabase(HubDatabase real, int transactions, bool after) : HubDatabase
{
    int _left = transactions;

    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken cancellationToken)
    {
        if (_left-- > 0)
            return await real.WriteAsync(work, cancellationToken);
        if (after && _left == -1)
            await real.WriteAsync(work, cancellationToken);
        throw new DiedException();
    }

    public override Task<DbConnection> OpenAsync(CancellationToken cancellationToken) => real.OpenAsync(cancellationToken);
    public override void Migrate(long? version = null) => real.Migrate(version);
    public override string In(string parameter) => real.In(parameter);
    internal override bool HasSchema() => real.HasSchema();
    internal override string Copy(string path) => real.Copy(path);
    internal override string WithOwnIds => real.WithOwnIds;
    internal override Task CountOnAsync(DbTransaction transaction, string table) => real.CountOnAsync(transaction, table);
    internal override Task KeepWordsAsync(DbTransaction transaction, Search.KeptWords words) => real.KeepWordsAsync(transaction, words);

    internal override string Places(Search.WordSearch search, Dapper.DynamicParameters parameters) => real.Places(search, parameters);

    internal override string PlacesInOrder(Search.WordSearch search, Dapper.DynamicParameters parameters, long after) =>
        real.PlacesInOrder(search, parameters, after);

    internal override Task InsertChunksAsync(DbTransaction transaction, IReadOnlyList<(byte[] Hash, long Xorb, int Number)> chunks) =>
        real.InsertChunksAsync(transaction, chunks);
    internal override Task InsertGitObjectsAsync(DbTransaction transaction, long repo, IReadOnlyList<Server.Git.NewGitObject> objects) =>
        real.InsertGitObjectsAsync(transaction, repo, objects);

    protected override async Task<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) =>
        connection is SqliteConnection sqlite ? sqlite.BeginTransaction(deferred: true)
        : await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);

    // Writing is the real one's.
    protected override string TablesSql => throw new NotSupportedException();
    protected override bool IsConflict(Exception exception) => throw new NotSupportedException();
    protected override Task<DbTransaction> BeginAsync(DbConnection connection, CancellationToken cancellationToken) =>
        throw new NotSupportedException();
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>An object store whose process dies at one of its deletions, before or after it is done.</summary>
sealed class DyingStore(IObjectStore real, int deletions, bool after) : IObjectStore
{
    int _left = deletions;

    public async Task<bool> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        if (_left-- > 0)
            return await real.DeleteAsync(key, cancellationToken);
        if (after && _left == -1)
            await real.DeleteAsync(key, cancellationToken);
        throw new DiedException();
    }

    public Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken) =>
        real.PutAsync(key, content, length, cancellationToken);
    public ObjectDraft Begin() => real.Begin();
    public Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken) =>
        real.OpenAsync(key, offset, length, cancellationToken);
    public Task<long?> LengthAsync(string key, CancellationToken cancellationToken) => real.LengthAsync(key, cancellationToken);
    public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken) =>
        real.ListAsync(prefix, cancellationToken);
    public Uri? PresignGet(string key, TimeSpan validity) => real.PresignGet(key, validity);
    public Uri? PresignGet(string key, TimeSpan validity, long first, long last) => real.PresignGet(key, validity, first, last);
}
