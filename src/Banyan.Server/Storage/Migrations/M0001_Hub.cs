using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Accounts, repositories with their git objects, large files and the xorbs they are in.</summary>
[Migration(1, "the hub")]
public sealed class M0001_Hub : Migration
{
    const int HashBytes = 32, GitIdBytes = 20;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("accounts")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("kind").AsString(8)                                   // user, org
            .WithColumn("name").AsString(96)
            .WithColumn("name_key").AsString(96).Unique()                     // lower case: names differ by more than case
            .WithColumn("full_name").AsString(256).Nullable()
            .WithColumn("email").AsString(320).Nullable()
            .WithColumn("created_at").AsInt64();

        Create.Table("members")
            .WithColumn("org_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id")
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id").Indexed()
            .WithColumn("role").AsString(8);                                  // read, write, admin

        Create.Table("tokens")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
            .WithColumn("name").AsString(128)
            .WithColumn("hash").AsBinary(HashBytes).Unique()                  // SHA-256 of the token, which is shown once and never kept
            .WithColumn("role").AsString(16)                                  // read, write, fine-grained
            .WithColumn("scopes").AsString(int.MaxValue).Nullable()           // fine-grained: JSON
            .WithColumn("created_at").AsInt64()
            .WithColumn("expires_at").AsInt64().Nullable()
            .WithColumn("revoked_at").AsInt64().Nullable();

        Create.Table("repos")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("type").AsString(8)                                   // model, dataset, space
            .WithColumn("owner_id").AsInt64().ForeignKey("accounts", "id")
            .WithColumn("name").AsString(96)
            .WithColumn("name_key").AsString(96)
            .WithColumn("private").AsBoolean()
            .WithColumn("gated").AsString(8).Nullable()                       // auto, manual
            .WithColumn("disabled").AsBoolean()
            .WithColumn("default_branch").AsString(255)
            .WithColumn("downloads").AsInt64()
            .WithColumn("created_at").AsInt64()
            .WithColumn("updated_at").AsInt64().Indexed();
        Create.Index("repos_by_name").OnTable("repos").OnColumn("owner_id").Ascending().OnColumn("type").Ascending().OnColumn("name_key")
            .Ascending().WithOptions().Unique();

        // Every name a repository ever had leads to it, and to no other: a name that was moved away is not free for a stranger.
        Create.Table("repo_names")
            .WithColumn("type").AsString(8).PrimaryKey()
            .WithColumn("full_name_key").AsString(200).PrimaryKey()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade).Indexed();

        Create.Table("git_objects")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("oid").AsBinary(GitIdBytes).PrimaryKey()
            .WithColumn("kind").AsString(6)                                   // commit, tree, blob, tag
            .WithColumn("size").AsInt64()
            .WithColumn("content").AsBinary(int.MaxValue);

        Create.Table("refs")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("name").AsString(255).PrimaryKey()                    // refs/heads/main
            .WithColumn("oid").AsBinary(GitIdBytes)
            .WithColumn("updated_at").AsInt64();

        Create.Table("xorbs")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("hash").AsBinary(HashBytes).Unique()
            .WithColumn("stored_length").AsInt64()
            .WithColumn("raw_length").AsInt64()
            .WithColumn("layout").AsBinary(int.MaxValue)                      // its footer: hashes and ends of the chunks
            .WithColumn("created_at").AsInt64()
            .WithColumn("keep_until").AsInt64().Indexed();                    // somebody was told that it is here

        Create.Table("chunks")                                                // which xorb has a chunk: what deduplication asks
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey()
            .WithColumn("xorb_id").AsInt64().ForeignKey("xorbs", "id").OnDelete(System.Data.Rule.Cascade).Indexed()
            .WithColumn("number").AsInt32();

        Create.Table("contents")                                              // a large file whose bytes were verified
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("sha256").AsBinary(HashBytes).Unique()
            .WithColumn("xet_hash").AsBinary(HashBytes).Indexed()
            .WithColumn("size").AsInt64()
            .WithColumn("terms").AsBinary(int.MaxValue)
            .WithColumn("created_at").AsInt64();

        Create.Table("content_xorbs")                                         // which xorbs a content needs: what collection asks
            .WithColumn("content_id").AsInt64().PrimaryKey().ForeignKey("contents", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("xorb_id").AsInt64().PrimaryKey().ForeignKey("xorbs", "id").Indexed();

        Create.Table("repo_contents")                                         // what a repository reaches, so who may read it
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("content_id").AsInt64().PrimaryKey().ForeignKey("contents", "id").Indexed()
            .WithColumn("uploaded_at").AsInt64();

        Create.Table("uploads")
            .WithColumn("id").AsString(64).PrimaryKey()
            .WithColumn("repo_id").AsInt64().ForeignKey("repos", "id").OnDelete(System.Data.Rule.Cascade).Indexed()
            .WithColumn("sha256").AsBinary(HashBytes)
            .WithColumn("size").AsInt64()
            .WithColumn("parts").AsString(int.MaxValue)
            .WithColumn("created_at").AsInt64()
            .WithColumn("expires_at").AsInt64().Indexed();

        Create.Table("settings")                                              // secrets and marks that all nodes share
            .WithColumn("name").AsString(64).PrimaryKey()
            .WithColumn("value").AsBinary(int.MaxValue);

        Create.Table("audit")
            .WithColumn("id").AsInt64().PrimaryKey().Identity()
            .WithColumn("at").AsInt64().Indexed()
            .WithColumn("actor_id").AsInt64().Nullable()
            .WithColumn("action").AsString(64)
            .WithColumn("target").AsString(512)
            .WithColumn("detail").AsString(int.MaxValue).Nullable();
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
