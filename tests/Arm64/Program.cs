using System.Reflection;
using System.Runtime.Loader;

// Host ASSEMBLY [ARGUMENTS…]: runs a program that was built for any processor. The host brings the runtime, the program its own folder of
// assemblies.
var path = Path.GetFullPath(args[0]);
var folder = Path.GetDirectoryName(path)!;
AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", folder + Path.DirectorySeparatorChar);
AssemblyLoadContext.Default.Resolving += (context, name) =>
    Path.Combine(folder, name.Name + ".dll") is var file && File.Exists(file) ? context.LoadFromAssemblyPath(file) : null;
var program = AssemblyLoadContext.Default.LoadFromAssemblyPath(path);
Assembly.SetEntryAssembly(program);
return program.EntryPoint!.Invoke(null, [args[1..]]) is int code ? code : 0;
