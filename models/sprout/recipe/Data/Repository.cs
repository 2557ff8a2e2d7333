namespace Banyan.Sprout.Data;

/// <summary>A row of data.tsv: a public repository at a commit. <c>Role</c> is <c>train</c>, or <c>unseen</c> for one that only evaluation reads.</summary>
internal sealed record Repository(string Name, string Commit, string Licence, string Role)
{
    public static List<Repository> ReadList(string path) =>
    [
        .. File.ReadLines(path).Skip(1).Where(line => line.Length > 0).Select(line => line.Split('\t'))
            .Select(cells => new Repository(cells[0], cells[1], cells[2], cells[3])),
    ];

    /// <summary>The folder of the checkout: <c>owner+name</c> under the data folder.</summary>
    public string FolderIn(string dataFolder) => Path.Combine(dataFolder, Name.Replace('/', '+'));
}
